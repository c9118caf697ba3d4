import type { OperatorExecutor } from '@dagbook/sdk';
import { bash } from './bash.ts';
import { docker } from './docker.ts';
import { dockerClean } from './docker-clean.ts';
import { dockerExec } from './docker-exec.ts';
import { http } from './http.ts';
import { email, slack, webhook } from './notify.ts';
import { python } from './python.ts';
import { fileSensor, timeSensor } from './sensor.ts';
import { sql, sqlCheck, sqlSensor } from './sql.ts';

/**
 * Executors by the kind that the SDK's declarations carry. Each runs inside a runner child, as the task's own code. Drivers
 * are imported by the executor that needs one when it runs: a child must not pay for those of others.
 */
export const operators: { readonly [kind: string]: OperatorExecutor } = {
  bash, python, http, sql, sqlCheck, sqlSensor, fileSensor, timeSensor, email, slack, webhook, docker, dockerExec, dockerClean,
};
