import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { GitBundleConfig } from './bundle-config.ts';
import { GitFiles } from './git-files.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'dagbook-git-'));
  git('init', '--quiet', '--bare', '--initial-branch=main', join(root, 'origin.git'));
  git('clone', '--quiet', join(root, 'origin.git'), join(root, 'author'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const git = (...args: string[]): string =>
  execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@example.com', '-c', 'init.defaultBranch=main', ...args], { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
const inAuthor = (...args: string[]): string => git('-C', join(root, 'author'), ...args);

/** Commits these files and pushes; answers the commit. */
function push(files: { readonly [path: string]: string | null }, ref = 'main'): string {
  for (const [path, text] of Object.entries(files)) {
    const file = join(root, 'author', path);
    mkdirSync(dirname(file), { recursive: true });
    if (text === null) rmSync(file);
    else writeFileSync(file, text);
  }
  inAuthor('add', '--all');
  inAuthor('commit', '--quiet', '--message=next');
  inAuthor('push', '--quiet', 'origin', `HEAD:refs/heads/${ref}`);
  return inAuthor('rev-parse', 'HEAD');
}

const filesOf = (more: Partial<GitBundleConfig> = {}) => new GitFiles({ name: 'etl', kind: 'git', url: join(root, 'origin.git'), ref: 'main', pollMs: 1_000, ...more }, join(root, 'cache'));
const { signal } = new AbortController();

test('follows a branch commit by commit, and removes what is gone', async () => {
  const first = push({ 'a.ts': '1', 'op_script/x.py': 'x' });
  const files = filesOf();
  expect(files.version).toBeUndefined();
  expect(await files.sync(signal)).toEqual({ changed: true, version: first, problems: [] });
  expect(await files.sync(signal)).toEqual({ changed: false, version: first, problems: [] });
  const second = push({ 'a.ts': '2', 'op_script/x.py': null, 'b.ts': 'b' });
  expect(await files.sync(signal)).toEqual({ changed: true, version: second, problems: [] });
  expect([readdirSync(files.folder).filter((name) => name !== '.git').sort(), readFileSync(join(files.folder, 'a.ts'), 'utf8')]).toEqual([['a.ts', 'b.ts'], '2']);
  inAuthor('reset', '--quiet', '--hard', first);
  inAuthor('push', '--quiet', '--force', 'origin', 'HEAD:main');
  expect(await files.sync(signal)).toEqual({ changed: true, version: first, problems: [] });
});

test('a tag is a version too, and a subfolder is all that is read', async () => {
  const tagged = push({ 'dags/a.ts': '1', 'other.ts': 'x' });
  inAuthor('tag', '--annotate', '--message=v1', 'v1');
  inAuthor('push', '--quiet', 'origin', 'v1');
  push({ 'dags/a.ts': '2' });
  const files = filesOf({ ref: 'v1', subfolder: 'dags' });
  expect((await files.sync(signal)).version).toBe(tagged);
  expect([readdirSync(files.folder), readFileSync(join(files.folder, 'a.ts'), 'utf8')]).toEqual([['a.ts'], '1']);
});

test('a repository that is away leaves the last version, also to the next process', async () => {
  const commit = push({ 'a.ts': '1' });
  await filesOf().sync(signal);
  renameSync(join(root, 'origin.git'), join(root, 'away.git'));
  const files = filesOf();
  await expect(files.sync(signal)).rejects.toMatchObject({
    code: 'bundle.unreachable',
    message: `The git repository ${join(root, 'origin.git')} of the bundle "etl" cannot be read: '${join(root, 'origin.git')}' does not appear to be a git repository.`,
  });
  expect([files.version, readFileSync(join(files.folder, 'a.ts'), 'utf8')]).toEqual([commit, '1']);
});

test('a branch that is not there, a subfolder that is not, and a host that refuses each say so; no token is shown', async () => {
  const commit = push({ 'a.ts': '1' });
  await expect(filesOf({ ref: 'nowhere' }).sync(signal)).rejects.toMatchObject({
    code: 'bundle.no_such_ref', message: `The git repository ${join(root, 'origin.git')} has no branch or tag "nowhere". Push it, or correct the ref of the bundle "etl".`,
  });
  await expect(filesOf({ subfolder: 'dags' }).sync(signal)).rejects.toMatchObject({
    code: 'bundle.no_folder', message: `The commit ${commit.slice(0, 12)} of ${join(root, 'origin.git')} has no folder dags. Correct the subfolder of the bundle "etl".`,
  });
  const refused = await filesOf({ url: 'https://user:t0psecret@127.0.0.1:9/etl.git' }).sync(signal).catch((error: Error) => error.message);
  expect(refused).toMatch(/^The git repository https:\/\/127\.0\.0\.1:9\/etl\.git of the bundle "etl" cannot be read: .*\.$/);
  expect(refused).not.toContain('t0psecret');
});
