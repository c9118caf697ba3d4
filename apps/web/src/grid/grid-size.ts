/** Sizes that the sheet, its header and its hover layer agree on, in pixels. */
export const ROW_PX = 20;
export const COLUMN_PX = 20;
export const NAME_PX = 220;
export const BAR_PX = 56;
export const DATE_PX = 18;
const MARK_PX = 14;
export const HEADER_PX = DATE_PX + BAR_PX + MARK_PX;

/** Names, columns, and room for the last date to stand out to the right. */
export const sheetWidth = (runCount: number): number => NAME_PX + runCount * COLUMN_PX + 26;
