export const room = 'sdk';
