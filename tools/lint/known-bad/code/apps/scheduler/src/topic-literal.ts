export const topic = 'dagbook.attempts'; // ← dagbook/topic-from-table
export const dead = 'dagbook.commands.dlq'; // ← dagbook/topic-from-table
export const mine = (slot: string) => `dagbook.assignments.${slot}`; // ← dagbook/topic-from-table
