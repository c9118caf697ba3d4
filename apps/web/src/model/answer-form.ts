/** What a person is asked beside the choice, as fields; each is one property of a JSON Schema. */
export interface AnswerField {
  readonly name: string;
  readonly title: string;
  readonly description: string | null;
  readonly kind: 'text' | 'long_text' | 'number' | 'truth' | 'choice' | 'json';
  /** Of a choice. */
  readonly choices: readonly unknown[];
  readonly initial: unknown;
}

interface AskedParam {
  readonly value?: unknown;
  readonly description?: unknown;
  readonly schema?: unknown;
}

export const answerFields = (params: Readonly<Record<string, unknown>>): readonly AnswerField[] =>
  Object.entries(params).map(([name, given]) => {
    const { value = null, description, schema } = given as AskedParam;
    const { type, enum: choices, title, format } = (schema ?? {}) as { readonly type?: unknown; readonly enum?: unknown; readonly title?: unknown; readonly format?: unknown };
    return {
      name,
      title: typeof title === 'string' ? title : name,
      description: typeof description === 'string' ? description : null,
      kind: kindOf(type, choices, format),
      choices: Array.isArray(choices) ? choices : [],
      initial: value,
    };
  });

function kindOf(type: unknown, choices: unknown, format: unknown): AnswerField['kind'] {
  if (Array.isArray(choices)) return 'choice';
  const types = (Array.isArray(type) ? type : [type]).filter((one) => one !== 'null');
  if (types.length !== 1) return 'json';
  switch (types[0]) {
    case 'string':
      return format === 'multiline' ? 'long_text' : 'text';
    case 'number':
    case 'integer':
      return 'number';
    case 'boolean':
      return 'truth';
    default:
      return 'json';
  }
}

/** As it stands in its control: text, but for a truth and a choice (by position). */
export const shownValue = ({ kind, choices }: AnswerField, value: unknown): string | boolean => {
  if (kind === 'truth') return value === true;
  if (kind === 'choice') return String(choices.findIndex((choice) => JSON.stringify(choice) === JSON.stringify(value)));
  if (value === null || value === undefined) return '';
  return typeof value === 'string' && kind !== 'json' ? value : JSON.stringify(value, null, kind === 'json' ? 2 : 0);
};

/** What was typed as a value; undefined: it is none of its kind. An empty number is null. */
export function readValue({ kind, choices }: AnswerField, typed: string | boolean): unknown {
  if (kind === 'truth') return typed === true;
  const text = String(typed);
  switch (kind) {
    case 'choice':
      return choices[Number(text)];
    case 'number':
      return text.trim() === '' ? null : Number.isFinite(Number(text)) ? Number(text) : undefined;
    case 'json':
      try {
        return text.trim() === '' ? null : (JSON.parse(text) as unknown);
      } catch {
        return undefined;
      }
    default:
      return text;
  }
}
