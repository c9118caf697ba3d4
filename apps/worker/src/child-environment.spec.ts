import { expect, test } from 'vitest';
import { childEnvironment } from './child-environment.ts';

test('tasks see the environment of the worker, without what is Dagbook\'s own or a secret of a client', () => {
  const env = {
    PATH: '/bin', HOME: '/root', TZ: 'Asia/Seoul', AWS_REGION: 'x', DAGBOOK_SECURITY_WORKER_SECRET: 's', DAGBOOK_CONN_DB: 's', DAGBOOK_OUTPUT: '/out',
    PGPASSWORD: 's', NODE_OPTIONS: '--inspect', UNSET: undefined,
  };
  expect(childEnvironment(env, ['DAGBOOK_OUTPUT'])).toEqual({ PATH: '/bin', HOME: '/root', TZ: 'Asia/Seoul', AWS_REGION: 'x', DAGBOOK_OUTPUT: '/out' });
});
