import { setTimeout as pause } from 'node:timers/promises'; // ← dagbook/no-sleep

export const once = () => new Promise((resolve) => setTimeout(resolve, 10)); // ← dagbook/no-sleep
export const twice = () => new Promise<void>((resolve) => { setTimeout(resolve, 10); }); // ← dagbook/no-sleep
export const page = (of: { waitForTimeout(ms: number): Promise<void> }) => of.waitForTimeout(10); // ← dagbook/no-sleep
export const third = () => pause(10);
