import { spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const HERE = import.meta.dirname;
const OXLINT = join(HERE, '..', '..', 'node_modules', 'oxlint', 'bin', 'oxlint');

/** `file:line rule` of what our own rules find in a folder, sorted. */
function findings(folder: string): string[] {
  const { stdout } = spawnSync(process.execPath, [OXLINT, '--config', join(HERE, 'own-rules.json'), '-A', 'all', '--format', 'json', '.'], { cwd: join(HERE, folder), encoding: 'utf8' });
  const { diagnostics, number_of_files } = JSON.parse(stdout) as { number_of_files: number; diagnostics: { code: string; filename: string; labels: { span: { line: number } }[] }[] };
  expect(number_of_files).toBe(globSync('**/*.ts', { cwd: join(HERE, folder) }).length);
  return diagnostics.map(({ code, filename, labels }) => `${filename}:${labels[0]?.span.line} ${code.replace('(', '/').replace(')', '')}`).toSorted();
}

/** The same of what the fixtures say of themselves, at the end of a line: `← rule`. */
const declarations = (folder: string): string[] =>
  globSync('**/*.ts', { cwd: join(HERE, folder) })
    .flatMap((file) => readFileSync(join(HERE, folder, file), 'utf8').split('\n').flatMap((line, index) => (/← (\S+)$/.exec(line) ?? []).slice(1).map((rule) => `${file}:${index + 1} ${rule}`)))
    .toSorted();

test('each of our rules finds every known-bad line, and no other', () => {
  expect(findings('known-bad/code')).toEqual(declarations('known-bad/code'));
});

test('none of our rules minds what is known to be good', () => {
  expect(findings('known-good/code')).toEqual([]);
});

test('every rule that is switched on has a known-bad line', () => {
  const { rules } = JSON.parse(readFileSync(join(HERE, 'own-rules.json'), 'utf8')) as { rules: Record<string, string> };
  expect(Object.entries(rules).filter(([, severity]) => severity === 'error').map(([name]) => name).toSorted()).toEqual(
    [...new Set(declarations('known-bad/code').map((declaration) => declaration.split(' ')[1]))].toSorted(),
  );
});

test('every rule of the plugin is switched on', async () => {
  const { default: plugin } = (await import('./dagbook.mjs')) as { default: { rules: Record<string, unknown> } };
  const { rules } = JSON.parse(readFileSync(join(HERE, 'own-rules.json'), 'utf8')) as { rules: Record<string, string> };
  expect(Object.keys(rules)).toEqual(Object.keys(plugin.rules).map((name) => `dagbook/${name}`));
});
