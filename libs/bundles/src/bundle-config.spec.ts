import { expect, it } from 'vitest';
import { readBundles, withoutSecret } from './bundle-config.ts';

it('reads folders, git repositories and S3 prefixes', () => {
  expect(readBundles(JSON.stringify([
    { name: 'local', kind: 'folder', path: 'dags' },
    { name: 'etl', kind: 'git', url: 'git@git.example.com:data/etl.git', subfolder: 'dags/', sshKey: '/run/secrets/key', pollSeconds: 5 },
    { name: 'shared', kind: 's3', bucket: 'dags', prefix: 'prod', endpoint: 'http://127.0.0.1:7070' },
  ]))).toEqual([
    { name: 'local', kind: 'folder', path: 'dags' },
    { name: 'etl', kind: 'git', url: 'git@git.example.com:data/etl.git', ref: 'main', subfolder: 'dags', sshKey: '/run/secrets/key', pollMs: 5_000 },
    { name: 'shared', kind: 's3', bucket: 'dags', prefix: 'prod/', endpoint: 'http://127.0.0.1:7070', pollMs: 30_000 },
  ]);
});

const git = (more: object) => [{ name: 'etl', kind: 'git', url: 'https://git.example.com/etl.git', ...more }];

it.each([
  ['{', 'is no JSON: give a list such as [{"name":"etl","kind":"git","url":"https://git.example.com/etl.git","ref":"main"}]'],
  ['[]', 'must be a JSON list with at least one bundle'],
  [['x'], 'holds "x" as bundle 1, but each must be an object'],
  [[{ name: '../up', kind: 'folder', path: 'x' }], 'names bundle 1 "../up", but a name is at most 100 letters, digits, "_", "." and "-"'],
  [[{ name: 'a', kind: 'svn' }], 'gives "a" the kind "svn", but it must be folder, git or s3'],
  [[{ name: 'a', kind: 'folder' }], 'gives "a" no path'],
  [[{ name: 'a', kind: 'folder', path: 'x', url: 'y' }], 'gives "a" a field "url"; a bundle of kind folder has name, kind, path'],
  [[...git({}), ...git({})], 'names two bundles "etl": each has a name of its own'],
  [git({ url: '--upload-pack=touch /tmp/x' }), 'gives "etl" the url "--upload-pack=touch /tmp/x", but it must be https://…, ssh://…, user@host:path, or the path of a repository'],
  [git({ url: 'ext::sh -c id' }), 'gives "etl" the url "ext::sh -c id", but it must be https://…, ssh://…, user@host:path, or the path of a repository'],
  [git({ ref: '--force' }), 'gives "etl" the ref "--force", but it must be the name of a branch or a tag'],
  [git({ subfolder: 'a/../../b' }), 'gives "etl" the subfolder "a/../../b", but it must lie within the repository'],
  [git({ pollSeconds: 0 }), 'gives "etl" the pollSeconds 0, but it must be a number from 1 to 86400'],
])('refuses %j', (given, sentence) => {
  expect(() => readBundles(typeof given === 'string' ? given : JSON.stringify(given))).toThrow(new Error(sentence));
});

it('shows an address without its token', () => {
  expect(withoutSecret('https://user:t0ken@git.example.com/etl.git')).toBe('https://git.example.com/etl.git');
  expect(withoutSecret('git@git.example.com:etl.git')).toBe('git@git.example.com:etl.git');
});
