export const id = () => crypto.randomUUID(); // ← dagbook/pure-room
export const soon = () => Promise.resolve(); // ← dagbook/pure-room
