export const room = 'read-models';
