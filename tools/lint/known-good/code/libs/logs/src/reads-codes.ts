export const isGone = (error: { code: string }) => error.code === 'log.gone';
/** Shown to people, never decided by. */
export const shown = (error: Error) => (error.message === '' ? 'no reason given' : error.message);
export const textOf = (letter: { message: string }) => letter.message.includes('hello');
