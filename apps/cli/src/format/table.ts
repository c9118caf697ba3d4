/** Rows under their headings, columns parted by two spaces. No cell is ever cut: what is piped on must be whole. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[], paint: (cell: string, column: number) => string = (cell) => cell): string {
  const widths = headings.map((heading, column) => Math.max(displayWidth(heading), ...rows.map((row) => displayWidth(row[column] ?? ''))));
  const line = (cells: readonly string[], shown: (cell: string, column: number) => string): string =>
    cells.map((cell, column) => shown(cell, column) + (column === cells.length - 1 ? '' : ' '.repeat((widths[column] ?? 0) - displayWidth(cell) + 2))).join('').trimEnd();
  return [line(headings, (heading) => heading), ...rows.map((row) => line(row, paint))].map((text) => `${text}\n`).join('');
}

/** Hangul, kana, Chinese characters, full-width forms and emoji: two columns of a terminal. */
const WIDE = /[\u1100-\u115F\u2E80-\u303E\u3041-\uA4CF\uA960-\uA97F\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6]|\p{Emoji_Presentation}/u;
const NO_WIDTH = /^\p{M}|\u200D|\uFE0F/u;

/** How many columns of a terminal a text takes. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const char of text) width += NO_WIDTH.test(char) ? 0 : WIDE.test(char) ? 2 : 1;
  return width;
}
