export const room = 'object-store';
