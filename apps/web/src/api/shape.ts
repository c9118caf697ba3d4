/** The gateway's answers by the words of the page; their members are generated from its own document. */
export type {
  ConnectionResponse as Connection,
  DagDetailsResponse as DagDetails,
  DagRunResponse as DagRun,
  GridResponse as Grid,
  GridRunResponse as GridRun,
  HitlDetail as HumanInput,
  RunEventResponse as RecordedEvent,
  StripRunResponse as LatestRun,
  StructureResponse as Structure,
  TaskInstanceResponse as TaskInstance,
  UiDagResponse as ListedDag,
  VariableResponse as Variable,
} from '@dagbook/api-client';
