import { connections } from './connections.ts';
import { dagruns } from './dagruns.ts';
import type { OracleForm } from './form.ts';
import { selections } from './selections.ts';
import { templates } from './templates.ts';
import { timetables } from './timetables.ts';
import { weights } from './weights.ts';

/** Every form that `npm run oracle` can judge, by the name it is called by. */
export const forms: { readonly [name: string]: OracleForm<unknown> } = { timetables, dagruns, weights, selections, templates, connections };
