export const isGone = (error: Error) => error.message === 'gone'; // ← dagbook/no-branch-on-message
export const isLate = (fault: unknown) => (fault as Error).message.includes('late'); // ← dagbook/no-branch-on-message
export const isFull = (reason: { error: Error }) => /full/.test(reason.error.message); // ← dagbook/no-branch-on-message
export function codeOf(e: Error): number {
  switch (e.message) { // ← dagbook/no-branch-on-message
    case 'gone':
      return 1;
    default:
      return 2;
  }
}
