export const room = 'parts';
