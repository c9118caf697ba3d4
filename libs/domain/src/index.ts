export type { Decider, Decision, Rejected } from './decider.ts';
export { invariant, isRejected, reject, unreachable } from './decider.ts';
export type { Json } from './json.ts';
export { canonicalJson } from './json.ts';
export type {
  DagCallback, DagDefinition, DeadlineDefinition, GroupDefinition, MappingDefinition, MapSource, ParamsDefinition,
  TaskCallback, TaskDefinition, TaskKind, TriggerRule, WeightRule,
} from './dag/definition.ts';
export type { DagEvent, FileEvent, ImportError } from './dag/event.ts';
export type { AssetCondition, DataInterval, ScheduledRun, TimetableDefinition } from './schedule/definition.ts';
export type { AttemptEvent } from './attempt/event.ts';
export type { PastRuns, RecordedSuccess, RetryVerdict, RunCommand } from './run/command.ts';
export type {
  AttemptLossCause, AttemptRef, Failure, FailureCode, RunCreated, RunEvent, RunFailureReason, SkipCause, TaskExpanded,
  TaskFailed, TaskInstanceRef, TaskResult, TaskRetryScheduled, TaskScheduled, TaskSkipped, TaskStarted, TaskSucceeded,
} from './run/event.ts';
export type { HumanAnswer, HumanRequest, HumanUser } from './run/human-request.ts';
export { humanRequestOf } from './run/human-request.ts';
export type { RunState, RunType, TaskState, TerminalTaskState, TriggeredBy } from './run/state-names.ts';
export type { AdmissionFact } from './admission/fact.ts';
export { evolveAdmission } from './admission/fact.ts';
export type { Grant } from './admission/admit.ts';
export { admit } from './admission/admit.ts';
export type { AdmissionState, ReadyAttempt } from './admission/state.ts';
export { DEFAULT_POOL, initialAdmission } from './admission/state.ts';
export type { WaitingReason } from './admission/why-waiting.ts';
export { whyWaiting } from './admission/why-waiting.ts';
export type { PlannedTask, RunPlan } from './dag/plan.ts';
export { compilePlan } from './dag/plan.ts';
export type { DagRun } from './run/state.ts';
export { createRunState } from './run/state.ts';
export { decideRun } from './run/decide.ts';
export { evolveRun } from './run/evolve.ts';
export type { DeadlineState } from './run/deadline.ts';
export { deadlinesOf } from './run/deadline.ts';
export { nextWakeAtMs } from './run/advance.ts';
export { MAX_MAP_LENGTH } from './run/mapping.ts';
export type { ResultOfUpstream, TaskInstanceView } from './run/query.ts';
export {
  countsByState, deferredInstances, isFinished, liveInstances, mapLengthOf, pastOf, readyInstances, revokedBy, taskInstance, upstreamResults,
} from './run/query.ts';
export type { Explanation, Outside } from './run/explain.ts';
export { explainTaskInstance } from './run/explain.ts';
export { replan, restoreRun, RUN_SNAPSHOT_FINGERPRINT, snapshotRun } from './run/snapshot.ts';
export type { Settled } from './run/settle.ts';
export { settle } from './run/settle.ts';
export { isoInstant, parseInstant } from './schedule/civil.ts';
export type { ScheduleQuestion } from './schedule/timetable.ts';
export { inferManualInterval, nextRun } from './schedule/timetable.ts';
export type { DagFold } from './dag/fold.ts';
export { evolveDag, initialDag } from './dag/fold.ts';
export type { DagCommand, ScheduleContext } from './dag/decide.ts';
export { decideDag, nextDueAtMs } from './dag/decide.ts';
export type { TriggeredRun, TriggerRequest } from './dag/trigger.ts';
export { decideTrigger } from './dag/trigger.ts';
export { runIdOf } from './dag/run-id.ts';
export { scheduleQuestion } from './dag/schedule-question.ts';
export { priorityWeights } from './dag/weights.ts';
export { clearSelection } from './dag/selection.ts';
export type { RunSpan } from './dag/run-span.ts';
export { spannedDates } from './dag/run-span.ts';
export type { Problem } from './problem.ts';
export { problemText } from './problem.ts';
export { dagProblems } from './dag/validate.ts';
export { timetableProblems } from './schedule/validate.ts';
export { describeSchedule } from './schedule/describe.ts';
export type { PreviewedRun } from './schedule/preview.ts';
export { previewForeseen, previewRuns } from './schedule/preview.ts';
export type { Connection } from './connection/connection.ts';
export { connectionExtra, connectionUri, readConnection } from './connection/connection.ts';
export { runsToStart } from './dag/active-run.ts';
export type { Foresight } from './dag/foresight.ts';
export { needsForesight } from './dag/foresight.ts';
export type { TimetableAnswer, TimetableQuestion } from './schedule/custom.ts';
export { askTimetable, FORESEEN_RUNS } from './schedule/custom.ts';
export { averageRuntimesMs, remembersRuns } from './dag/run-record.ts';
export { isSensitiveName } from './secret/sensitive-name.ts';
export { MIN_SECRET_CHARACTERS, SecretMask } from './secret/secret-mask.ts';
export { HIDDEN, secretsInConnection, secretsInVariable, textsIn, withoutSecrets } from './secret/secrets-in.ts';
export { resultsOfTask } from './run/pulled-result.ts';
export type { BackfillEvent, BackfillRequest, ReprocessBehavior } from './backfill/event.ts';
export type { BackfillFold } from './backfill/fold.ts';
export { evolveBackfill } from './backfill/fold.ts';
export type { BackfillCommand, BackfillStep, ExistingRun } from './backfill/decide.ts';
export { backfillAction, decideBackfill, nextDates, stepsOf } from './backfill/decide.ts';
export { backfillDates, refusesBackfill } from './backfill/range.ts';
export type { SealedEntryCommand, SealedEntryEvent } from './secret/sealed-entry.ts';
export { sealedEntryDecider } from './secret/sealed-entry.ts';
