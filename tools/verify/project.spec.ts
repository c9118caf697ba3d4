import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..', '..');
interface Project {
  readonly name: string;
  readonly implicitDependencies: readonly string[];
}
const projects = globSync('{libs/*,apps/*,libs/sdk/type-tests,tools,test,dags}/project.json', { cwd: ROOT }).map((file) => ({ root: dirname(file), ...(JSON.parse(readFileSync(join(ROOT, file), 'utf8')) as Project) }));
const roots = projects.map(({ root }) => root).toSorted((a, b) => b.length - a.length);
const rootOf = (file: string): string | undefined => roots.find((root) => file.startsWith(`${root}/`));
const nameAt = (root: string | undefined): string | undefined => projects.find((project) => project.root === root)?.name;

/** The other projects that a project's files import, by name or by path; generated and fixture files apart. */
function imported(root: string): string[] {
  const files = globSync('**/*.{ts,tsx}', { cwd: join(ROOT, root), exclude: (name) => /^(node_modules|dist|known-bad|known-good)$/.test(name) }).map((file) => join(root, file));
  const found = files.filter((file) => rootOf(file) === root).flatMap((file) =>
    [...readFileSync(join(ROOT, file), 'utf8').matchAll(/^(?:import|export)\b[^;]*?from '([^']+)'|^import '([^']+)'|(?:^|[^'"`\w])import\('([^']+)'\)/gms)].flatMap(([, from, bare, dynamic]) => {
      const target = from ?? bare ?? dynamic ?? '';
      const room = /^@dagbook\/([a-z-]+)$/.exec(target)?.[1];
      if (room !== undefined) return [room];
      return target.startsWith('.') ? [nameAt(rootOf(relative(ROOT, join(ROOT, dirname(file), target))))] : [];
    }),
  );
  const self = nameAt(root);
  return [...new Set(found)].filter((name): name is string => name !== undefined && name !== self).toSorted();
}

test.each(projects)('nx knows all that $name is made of, so a change there checks it again', ({ root, implicitDependencies }) => {
  expect(imported(root).filter((name) => !implicitDependencies.includes(name))).toEqual([]);
});

test('every room is a project with a type check', () => {
  const rooms = globSync('{libs,apps}/*', { cwd: ROOT }).filter((room) => existsSync(join(ROOT, room, 'src')));
  expect(rooms.filter((room) => !projects.some(({ root }) => root === room))).toEqual([]);
});
