export const room = 'bundles';
