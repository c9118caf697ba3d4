/** What `dags test` asks of its child, and the one answer. */
export interface TestRequest {
  readonly bundlePath: string;
  readonly sdkPath: string;
  readonly dagId: string;
  /** Of its template files. */
  readonly folder: string;
  readonly logicalDate?: string;
  readonly params: { readonly [name: string]: unknown };
  readonly mocks: readonly { readonly taskId: string; readonly value: unknown }[];
}

export type TestAnswer =
  | { readonly kind: 'ended'; readonly dag_id: string; readonly state: 'success' | 'failed'; readonly tasks: readonly { readonly task_id: string; readonly state: string | null }[] }
  | { readonly kind: 'failed'; readonly message: string };
