import { assignmentTopic, TOPICS } from '@dagbook/contracts';
import kafkajs, { type AclEntry, type Admin } from 'kafkajs';

// Node finds these in the module as a whole alone.
const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;

/**
 * What a worker's principal may do on a broker that asks for rights: write reports, presence and logs; read assignments,
 * and make their topics, of one host where it is named. It may write no command, event or assignment, nor a dead letter.
 */
function workerRights(principal: string, host?: string): AclEntry[] {
  const right = (resourceType: AclEntry['resourceType'], resourceName: string, resourcePatternType: AclEntry['resourcePatternType'], operation: AclEntry['operation']): AclEntry =>
    ({ resourceType, resourceName, resourcePatternType, principal, host: '*', operation, permissionType: AclPermissionTypes.ALLOW });
  const { TOPIC, GROUP } = AclResourceTypes;
  const { LITERAL, PREFIXED } = ResourcePatternTypes;
  const slots = host === undefined ? '' : `${host}-`;
  return [
    ...[TOPICS.reports, TOPICS.workers, TOPICS.logs].map(({ name }) => right(TOPIC, name, LITERAL, AclOperationTypes.WRITE)),
    right(TOPIC, 'dagbook.', PREFIXED, AclOperationTypes.DESCRIBE),
    ...[AclOperationTypes.READ, AclOperationTypes.CREATE].map((operation) => right(TOPIC, assignmentTopic(slots).name, PREFIXED, operation)),
    right(GROUP, slots === '' ? 'dagbook.worker' : `dagbook.worker.${slots}`, PREFIXED, AclOperationTypes.READ),
  ];
}

/**
 * Gives workers their rights: to one principal for all, or, where hosts are named, to `<principal>-<host>` of each on
 * what its own slots are assigned. Who has rights of a worker and is not named loses those, and no other. Repeating it
 * changes nothing.
 */
export async function giveWorkerRights(admin: Admin, principal: string, hosts: readonly string[] = []): Promise<void> {
  const named = new Map(hosts.map((host) => [`${principal}-${host}`, host]));
  await admin.createAcls({ acl: hosts.length === 0 ? workerRights(principal) : [...named].flatMap(([name, host]) => workerRights(name, host)) });
  const any = { resourceType: AclResourceTypes.ANY, resourcePatternType: ResourcePatternTypes.ANY, operation: AclOperationTypes.ANY, permissionType: AclPermissionTypes.ANY } as const;
  const { resources } = await admin.describeAcls(any);
  const holders = new Set(resources.flatMap(({ acls }) => acls.map((acl) => acl.principal)));
  const gone = [...holders].flatMap((holder) => {
    if (holder === principal) return hosts.length > 0 ? workerRights(principal) : [];
    return holder.startsWith(`${principal}-`) && !named.has(holder) ? workerRights(holder, holder.slice(principal.length + 1)) : [];
  });
  if (gone.length > 0) await admin.deleteAcls({ filters: gone });
}
