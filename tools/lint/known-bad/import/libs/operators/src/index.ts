export const room = 'operators';
