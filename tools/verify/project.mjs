// What nx is told of the projects (`implicitDependencies`) against what their files import; a missing one would let nx
// answer from its cache after a change. `--write` adds what is missing.
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const IMPORT = /^(?:import|export)\b[^;]*?from '([^']+)'|^import '([^']+)'|(?:^|[^'"`\w])import\('([^']+)'\)/gms;

/** Every room, with the folder it is in; `file` is missing where a room is no project yet. */
export function projects() {
  const roots = [...globSync('{libs,apps}/*', { cwd: ROOT }).filter((room) => existsSync(join(ROOT, room, 'src'))), 'libs/sdk/type-tests', 'tools', 'test', 'dags'];
  return roots.map((root) => {
    const file = join(ROOT, root, 'project.json');
    return existsSync(file) ? { root, file, ...JSON.parse(readFileSync(file, 'utf8')) } : { root };
  });
}

/** The names of the projects that a project's files import, by name or by path, and that nx is not told of. */
export function untold(project, all) {
  const roots = all.map(({ root }) => root).sort((a, b) => b.length - a.length);
  const rootOf = (path) => roots.find((root) => path.startsWith(`${root}/`));
  const nameAt = (root) => all.find((one) => one.root === root)?.name;
  const files = globSync('**/*.{ts,tsx}', { cwd: join(ROOT, project.root), exclude: (name) => /^(node_modules|dist|known-bad|known-good)$/.test(name) }).map((file) => join(project.root, file));
  const imported = files.filter((file) => rootOf(file) === project.root).flatMap((file) =>
    [...readFileSync(join(ROOT, file), 'utf8').matchAll(IMPORT)].map(([, from, bare, dynamic]) => {
      const target = from ?? bare ?? dynamic;
      if (target.startsWith('.')) return nameAt(rootOf(relative(ROOT, join(ROOT, dirname(file), target))));
      return /^@dagbook\/([a-z-]+)$/.exec(target)?.[1];
    }),
  );
  return [...new Set(imported)].filter((name) => name !== undefined && name !== project.name && !project.implicitDependencies.includes(name)).sort();
}

if (process.argv.includes('--write')) {
  const all = projects();
  for (const project of all.filter(({ file }) => file !== undefined)) {
    const missing = untold(project, all);
    if (missing.length === 0) continue;
    const told = JSON.parse(readFileSync(project.file, 'utf8'));
    told.implicitDependencies.push(...missing);
    writeFileSync(project.file, `${JSON.stringify(told, null, 2)}\n`);
  }
}
