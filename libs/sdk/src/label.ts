import { definitionError } from './error.ts';
import { NODE, nodeOf, type EdgeModel, type NodeModel } from './model.ts';
import { callSite } from './site.ts';
import type { Edge } from './types.ts';

/** What a graph can show beside an arrow. */
const MAX_LABEL = 250;

class LabelledEdge implements Edge {
  readonly [NODE]: NodeModel | undefined;
  readonly label: string;
  readonly #edge: Edge;

  constructor(label: string, edge: Edge) {
    this[NODE] = nodeOf(edge);
    this.label = label;
    this.#edge = edge;
  }

  after(...up: Edge[]): this {
    this.#edge.after(...up.map((edge) => new LabelledEdge(this.label, edge)));
    return this;
  }

  before(...down: Edge[]): this {
    this.#edge.before(...down.map((edge) => new LabelledEdge(this.label, edge)));
    return this;
  }
}

/** Says what an edge means where it is drawn, as Airflow's `Label`: `save.after(label('No errors', check))`, or a case of a branch. */
export function label(text: string, edge: Edge): Edge {
  if (typeof text !== 'string' || text.length < 1 || text.length > MAX_LABEL) {
    throw definitionError({ field: 'label of an edge', value: text, rule: `a label has 1 to ${MAX_LABEL} characters`, remedy: 'Say the rest in the doc of the task' }, callSite());
  }
  return new LabelledEdge(text, edge);
}

/** As an edge keeps it. */
export const labelOf = (edge: unknown): Pick<EdgeModel, 'label'> => (edge instanceof LabelledEdge ? { label: edge.label } : {});
