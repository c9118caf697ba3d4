export const room = 'contracts';
