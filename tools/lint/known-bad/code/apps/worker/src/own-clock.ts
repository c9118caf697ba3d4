export const startedAtMs = Date.now(); // ← dagbook/given-clock
export const startedAt = new Date(); // ← dagbook/given-clock
