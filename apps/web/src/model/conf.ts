type ParsedConf = { readonly ok: true; readonly conf: Readonly<Record<string, unknown>> } | { readonly ok: false; readonly reason: string };

/** The conf of a run as it was typed: a JSON object, or nothing at all. */
export function parseConf(typed: string): ParsedConf {
  if (typed.trim() === '') return { ok: true, conf: {} };
  let value: unknown;
  try {
    value = JSON.parse(typed);
  } catch (fault) {
    return { ok: false, reason: fault instanceof Error ? fault.message : String(fault) };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { ok: false, reason: Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value };
  return { ok: true, conf: value as Readonly<Record<string, unknown>> };
}
