import { declareSensor } from '../operator.ts';
import type { Duration, In, SensorOperator } from '../types.ts';

/** Waits for a file on the worker; `*`, `?` and `**` in the path match, and the first in order of name is the result. */
export function fileSensor(o: { path: In<string>; /** It may be of this size at least. Default 0 bytes. */ minBytes?: number }): SensorOperator<{}, { path: string; size: number }> {
  return declareSensor('fileSensor', { ...o });
}

/** Waits for a moment: an ISO-8601 time (without a zone: of the DAG's), or so long after the end of the data interval. */
export function timeSensor(o: { at: In<string> } | { after: Duration }): SensorOperator<{}, { at: string }> {
  return declareSensor('timeSensor', { ...o });
}
