export type {
  Asset, AssetAlias, AssetEvent, AssetStateStore, AssetWatcher, BundleFolder, Callback, CallbackContext, Dag, DagCallbackContext, DagSpec, DeadlineCallbackContext, DeadlineSpec, Duration, Edge, Factory, Handler, In, InJson, Json, Mock, NoParams, Operator, Poke, Schedule, SchedulePreset, ScheduleTestOptions, ScheduleTestResult, Scope, SensorOperator, SensorSpec, SiteMacro,
  TaskCallbackContext, TaskContext, TaskLog, TaskRef, TaskSpec, TaskStateStore, TestAnswer, TestCallback, TestOptions, TestResult, Trigger, TriggerRule, WeightRule,
} from './types.ts';
export { concat, dag, serialize, zip } from './dag.ts';
export type { AwsOptions, BashOptions, PythonOptions } from './operator/command.ts';
export { aws, bash, python } from './operator/command.ts';
export type { HttpOptions, SqlOptions } from './operator/data.ts';
export { http, sql, sqlCheck, sqlSensor } from './operator/data.ts';
export type { DockerCleaned, DockerCleanOptions, DockerExecOptions, DockerOptions } from './operator/docker.ts';
export { docker, dockerClean, dockerExec } from './operator/docker.ts';
export type { EmailOptions } from './operator/notify.ts';
export { email, slack, webhook } from './operator/notify.ts';
export type { Approval, HumanOptions, HumanResult } from './operator/human.ts';
export { approval, choose, form } from './operator/human.ts';
export type { ExternalTaskMarkerOptions, ExternalTaskOptions, TriggerDagOptions } from './operator/other-dag.ts';
export { externalTask, externalTaskMarker, triggerDag } from './operator/other-dag.ts';
export type { S3Object, S3SyncOptions } from './operator/s3.ts';
export { s3Copy, s3Delete, s3Get, s3Key, s3List, s3Prefix, s3Put, s3Sync } from './operator/s3.ts';
export { fileSensor, timeSensor } from './operator/sensor.ts';
export { label } from './label.ts';
export { poke } from './poke.ts';
export type { RetryDecision, RetryPolicy, RetryRule } from './retry-policy.ts';
export { asset, assetAlias } from './asset.ts';
export { partitions } from './partition.ts';
export type { PartitionMapperSpec } from './partition.ts';
export { at, cron, every, when } from './schedule.ts';
export { watcher } from './watcher.ts';
export type { Interval, TimetableSpec } from './timetable.ts';
export { tickAfter, timetable } from './timetable.ts';
export { answer, mock, provideOperators } from './test-run.ts';
export { connectionMissing } from './missing.ts';
export { defer, trigger } from './trigger.ts';
export type { WeightedTask, WeightStrategy } from './weight-strategy.ts';
export { AwaitInput, DagDefinitionError, FailTask, SkipTask, TaskFailure } from './error.ts';
export type {
  OperatorContext, OperatorExecutor, RunnableDag, SiteDefaults, TaskIo, TaskRunOutcome, TaskRunRequest,
} from './runnable.ts';
export { INLINE_RESULT_BYTES, RUNNABLE, runnableOf, runnablesOf, watchCreation } from './runnable.ts';
export { canonicalJson } from '@dagbook/domain';
