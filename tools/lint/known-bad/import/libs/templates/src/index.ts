export const room = 'templates';
