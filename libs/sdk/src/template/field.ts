/**
 * How a field is rendered: `text` as Airflow renders it, at any depth of lists and objects; `shell` as a command that a
 * shell reads, in which values are never code (a list is no shell's: its items are arguments); `arguments` as text that
 * every process of the host can read, so that no secret may stand in it.
 */
export type FieldKind = 'text' | 'shell' | 'arguments';

const S3 = { connection: 'text', bucket: 'text', key: 'text' } as const;
const SQL = { connection: 'text', sql: 'text', values: 'text' } as const;
const HUMAN = { subject: 'text', body: 'text' } as const;
const OTHER_RUN = { dagId: 'text', runId: 'text', logicalDate: 'text', conf: 'text' } as const;
const COMMAND = { env: 'text', cwd: 'text' } as const;

/** Airflow's `template_fields`, by the operator's kind. Code of other languages is no template: it gets its values as input. */
const TEMPLATED: { readonly [operator: string]: { readonly [field: string]: FieldKind } } = {
  bash: { command: 'shell', ...COMMAND },
  python: { file: 'text', module: 'text', callable: 'text', input: 'text', path: 'text', ...COMMAND },
  aws: { args: 'arguments', connection: 'text', ...COMMAND },
  docker: { image: 'text', command: 'shell', entrypoint: 'arguments', env: 'text', mounts: 'text', workingDir: 'text', user: 'text', labels: 'text', connection: 'text', registry: 'text' },
  dockerExec: { container: 'text', label: 'text', command: 'shell', env: 'text', workingDir: 'text', user: 'text', connection: 'text' },
  dockerClean: { labels: 'text', connection: 'text' },
  sql: SQL, sqlCheck: SQL, sqlSensor: SQL,
  http: { connection: 'text', url: 'text', query: 'text', headers: 'text', body: 'text' },
  email: { connection: 'text', to: 'text', cc: 'text', bcc: 'text', from: 'text', subject: 'text', text: 'text', html: 'text', attachments: 'text' },
  slack: { connection: 'text', text: 'text', blocks: 'text' },
  webhook: { connection: 'text', payload: 'text' },
  s3Put: { ...S3, file: 'text', content: 'text', contentType: 'text' },
  s3Get: { ...S3, file: 'text' },
  s3Copy: { ...S3, toBucket: 'text', toKey: 'text' },
  s3Delete: { connection: 'text', bucket: 'text', keys: 'text', prefix: 'text' },
  s3List: { connection: 'text', bucket: 'text', prefix: 'text' },
  s3Sync: { connection: 'text', folder: 'text', bucket: 'text', prefix: 'text' },
  s3Key: S3,
  s3Prefix: { connection: 'text', bucket: 'text', prefix: 'text' },
  approval: HUMAN, choose: HUMAN, form: HUMAN,
  fileSensor: { path: 'text' },
  timeSensor: { at: 'text' },
  triggerDag: OTHER_RUN, triggerDagAndWait: OTHER_RUN,
  externalTask: { dagId: 'text', taskId: 'text', groupId: 'text', logicalDate: 'text', runId: 'text' },
};

export const fieldKind = (operator: string, field: string): FieldKind | undefined =>
  Object.hasOwn(TEMPLATED, operator) && Object.hasOwn(TEMPLATED[operator] as object, field) ? TEMPLATED[operator]?.[field] : undefined;

/** Airflow's `template_ext`: a field that is such a name is the file's content, when the DAG's bundle has the file. */
const FILE_NAME = /^[^\s{}]+\.(?:sh|bash|sql|json|ya?ml|html|md|txt|hql)$/;

export const hasTemplate = (text: string): boolean => text.includes('{{') || text.includes('{%') || text.includes('{#');
/** What a file says is not known before it is read. */
export const mayNamePrevious = (text: string): boolean => text.includes('prev_') || text.includes('include') || namesFile(text);
export const namesFile = (text: string): boolean => FILE_NAME.test(text);
