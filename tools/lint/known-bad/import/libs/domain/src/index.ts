export const room = 'domain';
