/** One key press may arrive as several signals (from the terminal, from npm, from a closing window): they are one wish. */
const ONE_WISH_MS = 1_500;

/** A second wish to stop does not wait for the draining: what is left running is found and ended by the next start. */
export function leaveIfImpatient(stoppingSinceMs: number): void {
  if (performance.now() - stoppingSinceMs > ONE_WISH_MS) process.exit(130);
}
