import { assignmentTopic, TOPICS } from '@dagbook/contracts';
import kafkajs, { type AclEntry } from 'kafkajs';

// Node finds these in the module as a whole alone.
const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;

/**
 * What a worker's principal may do on a broker that asks for rights: write reports, presence and logs; read assignments,
 * and make their topics. It may write no command, event or assignment, nor a dead letter. Giving it again changes nothing.
 */
export function workerRights(principal: string): AclEntry[] {
  const right = (resourceType: AclEntry['resourceType'], resourceName: string, resourcePatternType: AclEntry['resourcePatternType'], operation: AclEntry['operation']): AclEntry =>
    ({ resourceType, resourceName, resourcePatternType, principal, host: '*', operation, permissionType: AclPermissionTypes.ALLOW });
  const { TOPIC, GROUP } = AclResourceTypes;
  const { LITERAL, PREFIXED } = ResourcePatternTypes;
  return [
    ...[TOPICS.reports, TOPICS.workers, TOPICS.logs].map(({ name }) => right(TOPIC, name, LITERAL, AclOperationTypes.WRITE)),
    right(TOPIC, 'dagbook.', PREFIXED, AclOperationTypes.DESCRIBE),
    ...[AclOperationTypes.READ, AclOperationTypes.CREATE].map((operation) => right(TOPIC, assignmentTopic('').name, PREFIXED, operation)),
    right(GROUP, 'dagbook.worker', PREFIXED, AclOperationTypes.READ),
  ];
}
