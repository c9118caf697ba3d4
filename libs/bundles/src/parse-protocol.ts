import type { DagDefinition, ImportError, CodeAnswer, CodeQuestion } from '@dagbook/domain';

/** What the scanner asks of a parse child, one at a time. */
export interface ParseRequest {
  readonly id: number;
  /** Absolute path of the DAG file: what its code finds in `import.meta`. */
  readonly path: string;
  readonly code: string;
  readonly timezone?: string;
  /** Asked beside: what the timetable of this DAG of the file says. */
  readonly timetable?: { readonly dagId: string; readonly question: CodeQuestion };
}

/** `final`: the child ends with this answer. */
export type ParseAnswer = { readonly id: number; readonly final?: boolean } & (ParsedModule | ParseFailure);

export interface ParsedModule {
  readonly kind: 'parsed';
  readonly definitions: readonly ParsedDefinition[];
  /** Ids of DAGs that were made and are not exported. */
  readonly unexported: readonly string[];
  /** Files that the code read while it was evaluated, absolute. */
  readonly filesRead: readonly string[];
  readonly timetable?: CodeAnswer;
}

export interface ParsedDefinition {
  readonly definition: DagDefinition;
  /** SHA-256 of the definition's canonical JSON, hex. */
  readonly planHash: string;
}

export interface ParseFailure {
  readonly kind: 'failed';
  readonly code: ImportError['code'];
  readonly message: string;
  readonly stack?: string;
  /** In the evaluated code; the scanner maps it to the author's file. */
  readonly site?: { readonly line: number; readonly column: number };
}
