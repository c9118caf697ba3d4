export * from './reads-codes.ts'; // ← dagbook/named-exports
export enum Level { // ← dagbook/no-enum
  Info,
}
// TODO: later ← dagbook/no-bare-todo
export interface ILog { // ← dagbook/house-name
  level: Level;
}
export class LogManager {} // ← dagbook/house-name
export type RetryJob = { tries: number }; // ← dagbook/house-name
