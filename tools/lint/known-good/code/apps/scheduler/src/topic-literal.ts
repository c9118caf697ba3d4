/** Names that are not topics. */
export const lock = 'dagbook.partition.1';
export const attribute = 'dagbook.attempts_seen';
