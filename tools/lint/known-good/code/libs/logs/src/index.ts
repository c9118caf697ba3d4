export { isGone, shown } from './reads-codes.ts';
export type Level = 'info' | 'error';
// TODO #12: rotate by size as well.
export interface LogLine {
  level: Level;
}
export class Ink {}
