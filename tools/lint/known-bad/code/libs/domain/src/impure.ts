export const now = () => Date.now(); // ← dagbook/pure-room
export const today = () => new Date(); // ← dagbook/pure-room
export const dice = () => Math.random(); // ← dagbook/pure-room
export const later = (act: () => void) => setTimeout(act, 1); // ← dagbook/pure-room
export const ran = () => performance.now(); // ← dagbook/pure-room
export async function wait(promise: Promise<void>): Promise<void> { // ← dagbook/pure-room
  await promise; // ← dagbook/pure-room
}
export const zone = () => process.env['TZ']; // ← dagbook/pure-room
