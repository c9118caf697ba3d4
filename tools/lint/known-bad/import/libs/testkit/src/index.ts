export const room = 'testkit';
