import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const ROOT = new URL('../../../', import.meta.url).pathname;

/**
 * What authors may and may not write, judged by the compiler: DAGs that must compile, with `@ts-expect-error` above each
 * line that must not. A line that compiles after all is an error too.
 */
describe('the types that authors see', () => {
  it.each(['libs/sdk/type-tests', 'dags'])('hold in %s', async (folder) => {
    const compiled = await promisify(execFile)(process.execPath, [`${ROOT}node_modules/typescript-7/bin/tsc`, '-p', `${ROOT}${folder}/tsconfig.json`])
      .catch(({ stdout }: { stdout: string }) => ({ stdout }));
    expect(compiled.stdout).toBe('');
  });
});
