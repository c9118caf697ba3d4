export const room = 'logs';
