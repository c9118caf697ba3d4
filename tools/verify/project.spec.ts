import { expect, test } from 'vitest';
import { projects, untold } from './project.mjs';

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
