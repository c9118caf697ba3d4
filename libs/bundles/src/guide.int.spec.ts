import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildSdk, BundleScanner } from './index.ts';

const ROOT = new URL('../../../', import.meta.url).pathname;

/** Every block of code in what authors are told is a file that compiles and is read as a DAG. */
describe.each(['writing-dags', 'migrate-from-airflow', 'migrate-from-airflow.ko'])('docs/%s.md', (page) => {
  let folder: string;
  const files: string[] = [];

  beforeAll(async () => {
    // Below node_modules, so that packages are found and nothing else looks here.
    mkdirSync(join(ROOT, 'node_modules/.cache'), { recursive: true });
    folder = mkdtempSync(join(ROOT, 'node_modules/.cache/guide-'));
    mkdirSync(join(folder, 'dags'));
    const guide = readFileSync(join(ROOT, `docs/${page}.md`), 'utf8');
    for (const [, file, code] of guide.matchAll(/```ts\n\/\/ (dags\/\S+)\n([\s\S]*?)```/g)) {
      if (file === undefined || code === undefined) continue;
      files.push(file);
      writeFileSync(join(folder, file), code);
    }
    expect(guide.match(/```ts/g)).toHaveLength(files.length);
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ extends: join(ROOT, 'tsconfig.base.json'), compilerOptions: { types: ['node'] }, include: ['dags/*.ts'] }));
    await buildSdk(join(folder, 'sdk.js'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('compiles', async () => {
    const compiled = await promisify(execFile)(process.execPath, [`${ROOT}node_modules/typescript-7/bin/tsc`, '-p', folder]).catch(({ stdout }: { stdout: string }) => ({ stdout }));
    expect(compiled.stdout).toBe('');
  });

  it('holds DAGs that can be read', async () => {
    const scanner = new BundleScanner({ folder: join(folder, 'dags'), sdkPath: join(folder, 'sdk.js') });
    const { changed, failed } = await scanner.scan();
    await scanner.stop();
    expect(failed).toEqual([]);
    expect(changed.map(({ file }) => `dags/${file}`)).toEqual(files.toSorted());
  });
});
