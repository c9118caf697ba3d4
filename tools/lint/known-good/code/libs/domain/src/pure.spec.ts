export const fresh = async (): Promise<number> => Date.now();
