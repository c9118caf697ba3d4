import { globSync, statSync } from 'node:fs';
import { type OperatorExecutor, poke } from '@dagbook/sdk';
import { Fields } from './field.ts';

/** A file that is there, whatever its name holds, is never taken for a pattern. */
export const fileSensor: OperatorExecutor = async (given) => {
  const fields = new Fields('fileSensor', given);
  const path = fields.text('path', 'a path');
  const minBytes = fields.number('minBytes', 0, { min: 0, max: Number.MAX_SAFE_INTEGER });
  const found = [path, ...(/[*?[{]/.test(path) ? globSync(path).sort() : [])];
  for (const candidate of found) {
    const stat = statSync(candidate, { throwIfNoEntry: false });
    if (stat?.isFile() === true && stat.size >= minBytes) return poke.done({ path: candidate, size: stat.size });
  }
  return poke.again();
};

export const timeSensor: OperatorExecutor = async (given, context) => {
  const fields = new Fields('timeSensor', given);
  const atMs = fields.has('at') ? instantOf(fields, context.environment['DAGBOOK_TIMEZONE'] ?? 'UTC') : intervalEndMs(context.environment) + fields.durationMs('after', 0);
  return context.io.nowMs() >= atMs ? poke.done({ at: new Date(atMs).toISOString() }) : poke.again();
};

const intervalEndMs = (environment: { readonly [name: string]: string }): number => Date.parse(environment['DAGBOOK_DATA_INTERVAL_END'] ?? '');

function instantOf(fields: Fields, timezone: string): number {
  const rule = 'an ISO-8601 date and time, like 2027-01-05T06:30 or 2027-01-05T06:30:00+09:00';
  const text = fields.text('at', rule);
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?$/.test(text)) fields.refuse('at', text, rule);
  const zoned = /(Z|[+-]\d\d:\d\d)$/.test(text);
  const ms = Date.parse(zoned ? text : `${text}Z`);
  if (Number.isNaN(ms)) fields.refuse('at', text, rule);
  return zoned ? ms : ms - offsetMs(ms - offsetMs(ms, timezone), timezone);
}

/** How far the wall clock of a zone is ahead of UTC at an instant. */
function offsetMs(instantMs: number, timezone: string): number {
  const parts = Object.fromEntries(
    new Intl.DateTimeFormat('en-US', { timeZone: timezone, hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit' })
      .formatToParts(instantMs).map(({ type, value }) => [type, Number(value)]),
  ) as { readonly [part in 'year' | 'month' | 'day' | 'hour' | 'minute' | 'second']: number };
  return Date.UTC(parts.year, parts.month - 1, parts.day, parts.hour, parts.minute, parts.second) - Math.floor(instantMs / 1000) * 1000;
}
