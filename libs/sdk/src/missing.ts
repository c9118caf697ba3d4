import { TaskFailure } from './error.ts';

/** As in the environment: `my-db` is looked for as `DAGBOOK_CONN_MY_DB`. */
export const environmentName = (name: string): string => name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_');

/** Names the connection, and every place where it was looked for. */
export const connectionMissing = (id: string): TaskFailure =>
  new TaskFailure('bad_input', `there is no connection '${id}': it was looked for in the secrets files beside the DAGs, in DAGBOOK_CONN_${environmentName(id)}, and among the stored ones (dagbook connections set ${id})`);

export const variableMissing = (key: string): TaskFailure =>
  new TaskFailure('bad_input', `there is no variable '${key}': it was looked for in the secrets files beside the DAGs, in DAGBOOK_VAR_${environmentName(key)}, and among the stored ones (dagbook variables set ${key})`);
