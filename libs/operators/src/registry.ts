import type { OperatorExecutor } from '@dagbook/sdk';
import { aws } from './aws.ts';
import { bash } from './bash.ts';
import { docker } from './docker.ts';
import { dockerClean } from './docker-clean.ts';
import { dockerExec } from './docker-exec.ts';
import { http } from './http.ts';
import { humanInput } from './human-input.ts';
import { email, slack, webhook } from './notify.ts';
import { externalTask, triggerDag, triggerDagAndWait } from './other-dag.ts';
import { python } from './python.ts';
import { s3Copy, s3Delete, s3Get, s3Key, s3List, s3Prefix, s3Put } from './s3.ts';
import { s3Sync } from './s3-sync.ts';
import { fileSensor, timeSensor } from './sensor.ts';
import { sql, sqlCheck, sqlSensor } from './sql.ts';

/**
 * Executors by the kind that the SDK's declarations carry. Each runs inside a runner child, as the task's own code. Drivers
 * are imported by the executor that needs one when it runs: a child must not pay for those of others.
 */
export const operators: { readonly [kind: string]: OperatorExecutor } = {
  bash, python, http, sql, sqlCheck, sqlSensor, fileSensor, timeSensor, email, slack, webhook, docker, dockerExec, dockerClean,
  s3Put, s3Get, s3Copy, s3Delete, s3List, s3Sync, s3Key, s3Prefix, aws,
  triggerDag, triggerDagAndWait, externalTask,
  approval: humanInput, choose: humanInput, form: humanInput,
};
