/** Whether one place in the feed, `<xid>-<pos>`, lies behind another. */
export function isBehind(position: string, other: string): boolean {
  const [a, b] = [position.split('-'), other.split('-')];
  for (const [index, part] of a.entries()) {
    const order = compare(part, b[index] ?? '');
    if (order !== 0) return order > 0;
  }
  return false;
}

/** Of whole numbers without leading zeros, larger than a number can be. */
const compare = (a: string, b: string): number => (a.length === b.length ? (a < b ? -1 : a === b ? 0 : 1) : a.length - b.length);
