import { unreachable } from '../decider.ts';
import type { TimetableDefinition } from './definition.ts';

/** A schedule in a few characters, such as `0 6 * * *`, `every 90m` or `@once`; null when the DAG has none. */
export function describeSchedule(timetable: TimetableDefinition): string | null {
  switch (timetable.kind) {
    case 'none':
      return null;
    case 'once':
      return '@once';
    case 'continuous':
      return '@continuous';
    case 'cronTrigger':
    case 'cronDataInterval':
      return timetable.cron;
    case 'multipleCronTrigger':
      return timetable.crons.join(', ');
    case 'deltaTrigger':
    case 'deltaDataInterval':
      return `every ${[months(timetable.months ?? 0), duration(timetable.seconds ?? 0)].filter((part) => part !== '').join(' ')}`;
    case 'events':
      return timetable.description ?? `${timetable.instants.length} event${timetable.instants.length === 1 ? '' : 's'}`;
    case 'assets':
      return timetable.partition === undefined ? 'Asset' : 'Partitioned Asset';
    case 'assetsOrTime':
      return `Asset or ${describeSchedule(timetable.timetable)}`;
    case 'custom':
      return timetable.description ?? timetable.name;
    default:
      return unreachable(timetable);
  }
}

const months = (count: number): string => (count === 0 ? '' : count === 1 ? 'month' : `${count} months`);

function duration(seconds: number): string {
  if (seconds === 0) return '';
  const units: readonly (readonly [name: string, seconds: number])[] = [['d', 86_400], ['h', 3600], ['m', 60], ['s', 1]];
  const [name, size] = units.find(([, length]) => seconds >= length && seconds % length === 0) ?? ['s', 1];
  return `${seconds / size}${name}`;
}
