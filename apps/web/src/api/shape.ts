/** The gateway's answers by the words of the page; their members are generated from its own document. */
export type {
  DagDetailsResponse as DagDetails,
  DagRunResponse as DagRun,
  GridResponse as Grid,
  GridRunResponse as GridRun,
  RunEventResponse as RecordedEvent,
  StripRunResponse as LatestRun,
  StructureResponse as Structure,
  TaskInstanceResponse as TaskInstance,
  UiDagResponse as ListedDag,
} from '@dagbook/api-client';
