export type {
  Asset, Dag, DagSpec, Duration, Edge, Factory, Handler, In, Json, Mock, NoParams, Operator, Poke, Schedule, SchedulePreset, Scope, SensorSpec,
  TaskContext, TaskLog, TaskRef, TaskSpec, TestOptions, TestResult, TriggerRule, WeightRule,
} from './types.ts';
export { concat, dag, serialize, zip } from './dag.ts';
export type { BashOptions, DockerOptions } from './operator.ts';
export { bash, docker, s3Key } from './operator.ts';
export { poke } from './poke.ts';
export { asset, at, cron, every, when } from './schedule.ts';
export { mock, provideOperators } from './test-run.ts';
export { DagDefinitionError, FailTask, SkipTask, TaskFailure } from './error.ts';
export type {
  OperatorContext, OperatorExecutor, RunnableDag, SiteDefaults, TaskIo, TaskRunOutcome, TaskRunRequest,
} from './runnable.ts';
export { INLINE_RESULT_BYTES, RUNNABLE, runnableOf, runnablesOf, watchCreation } from './runnable.ts';
export { canonicalJson } from '@dagbook/domain';
