import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { cruise, type ICruiseResult, type IFlattenedRuleSet } from 'dependency-cruiser';
import extractTsConfig from 'dependency-cruiser/config-utl/extract-ts-config';
import { expect, test } from 'vitest';

const BAD = join(import.meta.dirname, 'known-bad', 'import');
const { forbidden, options } = createRequire(import.meta.url)('../../.dependency-cruiser.cjs') as { forbidden: { name: string }[]; options: Record<string, unknown> };

const fileName = join(BAD, 'tsconfig.json');
const { output } = await cruise(
  ['libs', 'apps'],
  { ...options, baseDir: BAD, tsConfig: { fileName }, validate: true, ruleSet: { forbidden } as IFlattenedRuleSet },
  undefined,
  { tsConfig: extractTsConfig(fileName) },
);
const { modules, summary } = output as ICruiseResult;

/** `file rule` of everything that a known-bad file says it breaks. */
const declared = modules
  .filter(({ source }) => /^(libs|apps)\//.test(source) && source.endsWith('.ts') && !source.includes('not-there'))
  .flatMap(({ source }) => (/^\/\/ breaks: (.*)$/m.exec(readFileSync(join(BAD, source), 'utf8'))?.[1] ?? '').split(', ').filter(Boolean).map((rule) => `${source} ${rule}`));
const found = [...new Set(summary.violations.map(({ from, rule }) => `${from} ${rule.name}`))];

test('each known-bad import breaks the rules that it names, and no other', () => {
  expect(found.toSorted()).toEqual(declared.toSorted());
});

test('every rule is broken by a known-bad import', () => {
  const broken = new Set(summary.violations.map(({ rule }) => rule.name));
  expect(forbidden.map(({ name }) => name).filter((name) => !broken.has(name))).toEqual([]);
});
