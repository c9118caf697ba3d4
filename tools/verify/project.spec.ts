import { globSync } from 'node:fs';
import { join, matchesGlob } from 'node:path';
import { expect, test } from 'vitest';
import config from '../../vitest.config.ts';
import { projects, untold } from './project.mjs';

const ROOT = join(import.meta.dirname, '..', '..');
const all = projects();

test('every room is a project that nx can check', () => {
  expect(all.filter(({ file }) => file === undefined)).toEqual([]);
});

test('nx knows all that each project is made of (else run: node tools/verify/project.mjs --write)', () => {
  expect(Object.fromEntries(all.map((project) => [project.name, untold(project, all)]).filter(([, missing]) => missing.length > 0))).toEqual({});
});

test('a dependency that nx is not told of is found', () => {
  const scheduler = all.find(({ name }) => name === 'scheduler');
  expect(untold({ ...scheduler, implicitDependencies: scheduler.implicitDependencies.filter((name: string) => name !== 'domain') }, all)).toContain('domain');
});

test('every spec file is run by one project of vitest, or is a type test', () => {
  const suites = config.test?.projects as { test: { name: string; include: string[]; exclude: string[] } }[];
  const matches = (file: string, patterns: readonly string[]): boolean => patterns.some((pattern) => matchesGlob(file, pattern));
  const runBy = (file: string): string[] => suites.filter(({ test: { include, exclude } }) => matches(file, include) && !matches(file, exclude)).map(({ test: { name } }) => name);
  const files = globSync('{libs,apps,test,tools}/**/*.spec.{ts,tsx,mts}', { cwd: ROOT, exclude: (name) => /^(node_modules|dist|known-bad|known-good)$/.test(name) }).filter((file) => !file.endsWith('.type.spec.ts'));
  expect(files.length).toBeGreaterThan(50);
  expect(files.filter((file) => runBy(file).length !== 1)).toEqual([]);
});
