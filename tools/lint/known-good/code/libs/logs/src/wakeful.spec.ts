/** A deadline: its timer only says that the wait was in vain. */
export const within = (ms: number, done: Promise<void>) =>
  new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`waited ${ms} ms in vain`)), ms);
    void done.then(() => {
      clearTimeout(timer);
      resolve();
    });
  });
