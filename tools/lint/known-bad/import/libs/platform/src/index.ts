export const room = 'platform';
