import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PackedFiles } from '@dagbook/contracts';
import type { Log } from '@dagbook/platform';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildFiles, type BuiltFiles, pack, type Rig, startRig } from './rig.ts';

let built: BuiltFiles;
let root: string;
beforeAll(async () => {
  built = await buildFiles();
  root = mkdtempSync(join(tmpdir(), 'dagbook-preparation-'));
  mkdirSync(join(root, 'package'));
  writeFileSync(join(root, 'package', 'package.json'), JSON.stringify({ name: 'greeting', version: '1.0.0', bin: { greet: 'greet.js' } }));
  writeFileSync(join(root, 'package', 'greet.js'), '#!/usr/bin/env node\nconsole.log("annyeong");\n');
  execFileSync('tar', ['-czf', 'greeting.tgz', 'package'], { cwd: root });
});
afterAll(() => {
  built?.remove();
  rmSync(root, { recursive: true, force: true });
});

const filesOf = (hash: string, dependencies: object): PackedFiles => ({
  hash,
  files: [
    { path: 'package.json', base64: Buffer.from(JSON.stringify({ dependencies })).toString('base64') },
    { path: 'greeting.tgz', base64: readFileSync(join(root, 'greeting.tgz')).toString('base64') },
  ],
});

/** What the worker says, to be waited for. */
class Said {
  readonly lines: { readonly level: string; readonly text: string; readonly attributes: object }[] = [];
  readonly #waiters = new Set<() => void>();
  readonly log: Log;
  constructor() {
    const say = (level: string) => (text: string, attributes: object = {}): void => {
      this.lines.push({ level, text, attributes });
      for (const waiter of this.#waiters) waiter();
    };
    this.log = { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') } as unknown as Log;
  }

  async until(text: string): Promise<(typeof this.lines)[number]> {
    for (;;) {
      const found = this.lines.find((line) => line.text === text);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => this.#waiters.add(resolve));
    }
  }
}

async function rigWith(cache: string, files: readonly PackedFiles[]): Promise<{ rig: Rig; said: Said }> {
  const said = new Said();
  return { said, rig: await startRig(built, { files, log: said.log, childEnv: { HOME: join(root, cache), XDG_CACHE_HOME: join(root, cache) } }) };
}

it('what a list names is installed when the worker starts, before any task asks', async () => {
  const { rig, said } = await rigWith('good', [filesOf('a'.repeat(64), { greeting: 'file:./greeting.tgz' })]);
  try {
    expect((await said.until('the requirements beside DAGs are installed')).attributes).toEqual({ lists: ['package.json'], filesHash: 'a'.repeat(64) });
    expect(said.lines.map(({ attributes }) => (attributes as { line?: string }).line)).toContain('installing greeting of the package.json beside the DAG');
    const bundle = pack(`import { bash, dag } from '@dagbook/sdk';\nconst d = dag('test', {});\nd.task('greet', bash({ command: 'greet' }))();\nexport default d;`);
    const assigned = await rig.assign({ taskId: 'greet', bundle: { ...bundle, filesHash: 'a'.repeat(64) } });
    expect((await rig.wire.finished(assigned)).outcome).toMatchObject({ kind: 'succeeded', result: { value: 'annyeong' } });
    expect((await rig.wire.log(assigned)).map(({ event }) => event)).toEqual(['annyeong']);
  } finally {
    await rig.close();
  }
});

it('what cannot be installed is told, leaves nothing, and keeps no task from running', async () => {
  const { rig, said } = await rigWith('bad', [filesOf('b'.repeat(64), { greeting: 'file:./gone.tgz' })]);
  try {
    const { level, attributes } = await said.until('the requirements beside DAGs could not be installed; their tasks will try again');
    expect([level, attributes]).toEqual(['error', { lists: ['package.json'], filesHash: 'b'.repeat(64), reason: expect.stringMatching(/^npm could not install the package\.json beside the DAG: .*gone\.tgz/) }]);
    expect(readdirSync(join(root, 'bad', 'dagbook', 'npm'))).toEqual([]);
    const assigned = await rig.assign({ taskId: 'noop', bundle: pack(`import { dag } from '@dagbook/sdk';\nconst d = dag('test', {});\nd.task('noop', () => 1)();\nexport default d;`) });
    expect((await rig.wire.finished(assigned)).outcome.kind).toBe('succeeded');
  } finally {
    await rig.close();
  }
});
