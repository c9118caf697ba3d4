/** What `dags test` and `tasks render` ask of their child, and the one answer. */
export interface TestRequest {
  readonly bundlePath: string;
  readonly sdkPath: string;
  readonly dagId: string;
  /** The files that go along with the DAG; absent when it reads none. */
  readonly bundle?: { readonly folder: string; readonly dagFolder: string; readonly hash: string };
  readonly logicalDate?: string;
  readonly params: { readonly [name: string]: unknown };
  readonly mocks: readonly { readonly taskId: string; readonly value: unknown }[];
  /** Only the templated fields of this task are wanted: nothing runs. */
  readonly render?: { readonly taskId: string; readonly mapIndex: number };
  readonly connections?: { readonly [id: string]: { readonly [field: string]: string | number | null } };
  readonly variables?: { readonly [key: string]: string };
}

export type TestAnswer =
  | { readonly kind: 'ended'; readonly dag_id: string; readonly state: 'success' | 'failed'; readonly tasks: readonly { readonly task_id: string; readonly state: string | null }[] }
  | { readonly kind: 'rendered'; readonly fields: { readonly [field: string]: unknown } }
  | { readonly kind: 'failed'; readonly message: string };
