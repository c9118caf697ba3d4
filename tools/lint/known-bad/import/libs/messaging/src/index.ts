export const room = 'messaging';
