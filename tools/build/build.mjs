// Bundles every process of Dagbook into dist/, and the web UI into dist/web; does nothing where nothing has changed.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** Entry points by the name of their output. Each becomes dist/<name>.js; what they share becomes chunks. */
const ENTRIES = {
  'standalone/main': 'apps/standalone/src/main.ts',
  'cluster/main': 'apps/standalone/src/cluster/main.ts',
  'scheduler/main': 'apps/scheduler/src/main.ts',
  'scheduler/migrate': 'apps/scheduler/src/migrate.ts',
  'dispatcher/main': 'apps/dispatcher/src/main.ts',
  'worker/main': 'apps/worker/src/main.ts',
  'worker/runner': 'apps/worker/src/runner/entry.ts',
  'log-server/main': 'apps/log-server/src/main.ts',
  'docker-policy/main': 'apps/docker-policy/src/main.ts',
  'api-gateway/main': 'apps/api-gateway/src/main.ts',
  'bundles/parse-child': 'libs/bundles/src/parse-child.ts',
  'sdk/index': 'libs/sdk/src/index.ts',
  'cli/main': 'apps/cli/src/main.ts',
  'cli/test-child': 'apps/cli/src/test-child.ts',
};

export async function build({ web = true, say = console.error } = {}) {
  const server = fingerprint(['libs', 'apps', 'deploy/migrations', 'tools/build', 'package-lock.json', 'tsconfig.base.json'], (path) => !path.startsWith('apps/web/') && !path.includes('.spec.'));
  if (stampOf('dist/server.stamp') !== server) {
    say('building the services …');
    const esbuild = await import('esbuild');
    for (const name of readdirSync(existsSync(join(ROOT, 'dist')) ? join(ROOT, 'dist') : ROOT)) {
      if (existsSync(join(ROOT, 'dist')) && name !== 'web' && name !== 'web.stamp') rmSync(join(ROOT, 'dist', name), { recursive: true, force: true });
    }
    await esbuild.build({
      absWorkingDir: ROOT,
      entryPoints: Object.fromEntries(Object.entries(ENTRIES).filter(([, file]) => existsSync(join(ROOT, file)))),
      outdir: 'dist',
      bundle: true,
      splitting: true,
      platform: 'node',
      target: 'node24',
      format: 'esm',
      packages: 'external',
      tsconfig: 'tsconfig.base.json',
      chunkNames: 'chunks/[name]-[hash]',
      sourcemap: 'linked',
      logLevel: 'warning',
    });
    stamp('dist/server.stamp', server);
  }
  if (!web) return;
  const page = fingerprint(['apps/web', 'libs/api-client', 'libs/contracts', 'package-lock.json'], (path) => !path.includes('.spec.'));
  if (existsSync(join(ROOT, 'apps/web/vite.config.ts')) && stampOf('dist/web.stamp') !== page) {
    say('building the web UI …');
    const vite = await import('vite');
    await vite.build({ root: join(ROOT, 'apps/web'), configFile: join(ROOT, 'apps/web/vite.config.ts'), logLevel: 'error' });
    stamp('dist/web.stamp', page);
  }
}

/** One hash over path, size and content of every file below these roots. */
function fingerprint(roots, keep) {
  const hash = createHash('sha256');
  const visit = (path) => {
    const full = join(ROOT, path);
    if (!existsSync(full)) return;
    if (statSync(full).isDirectory()) {
      for (const name of readdirSync(full).sort()) {
        if (name !== 'node_modules' && name !== 'dist') visit(join(path, name));
      }
    } else if (keep(path)) {
      hash.update(relative(ROOT, full)).update('\0').update(readFileSync(full)).update('\0');
    }
  };
  roots.forEach(visit);
  return hash.digest('hex');
}

const stampOf = (path) => (existsSync(join(ROOT, path)) ? readFileSync(join(ROOT, path), 'utf8') : undefined);
function stamp(path, value) {
  mkdirSync(dirname(join(ROOT, path)), { recursive: true });
  writeFileSync(join(ROOT, path), value);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await build({ web: !process.argv.includes('--no-web') });
}
