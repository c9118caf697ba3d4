import { DEFAULT_STATE_STORE_POLICY, MAX_STATE_VALUE_BYTES, type StateStorePolicy } from '@dagbook/domain';
import { integer, oneOf, type Settings } from '@dagbook/platform';

const { defaultRetentionDays, maxValueBytes, clearOnSuccess } = DEFAULT_STATE_STORE_POLICY;

/** Airflow's section `state_store`. */
export const STATE_STORE_SETTINGS = {
  stateRetentionDays: { env: 'DAGBOOK_STATE_STORE_DEFAULT_RETENTION_DAYS', says: 'for how many days a task’s state is kept after its last write; 0: until it is deleted', parse: integer(0, 36_500), fallback: defaultRetentionDays },
  stateMaxValueBytes: { env: 'DAGBOOK_STATE_STORE_MAX_VALUE_BYTES', says: 'a larger state is refused over REST, and warned of in the log of a task that writes it; 0: no limit but 1 MB', parse: integer(0, MAX_STATE_VALUE_BYTES), fallback: maxValueBytes },
  stateClearOnSuccess: { env: 'DAGBOOK_STATE_STORE_CLEAR_ON_SUCCESS', says: 'true: the state of a task goes when it has succeeded', parse: (value: string) => oneOf('true', 'false')(value.toLowerCase()) === 'true', fallback: clearOnSuccess },
} as const;

export const stateStorePolicy = (settings: Settings<typeof STATE_STORE_SETTINGS>): StateStorePolicy => ({
  defaultRetentionDays: settings.stateRetentionDays, maxValueBytes: settings.stateMaxValueBytes, clearOnSuccess: settings.stateClearOnSuccess,
});
