// Is the page's client what apps/api-gateway/openapi.json makes? `--write` makes it so.
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@hey-api/openapi-ts';

const ROOT = join(import.meta.dirname, '..', '..');
const CHECKED_IN = join(ROOT, 'apps', 'web', 'src', 'api', 'generated');
const made = mkdtempSync(join(tmpdir(), 'dagbook-client-'));
const filesOf = (folder) => Object.fromEntries(globSync('**/*.ts', { cwd: folder }).toSorted().map((file) => [file, readFileSync(join(folder, file), 'utf8')]));

try {
  process.chdir(ROOT);
  const { default: config } = await import('../../apps/web/openapi-ts.config.ts');
  const settings = await config;
  await createClient(Object.assign({}, settings, { output: Object.assign({}, settings.output, { path: made }), logs: { level: 'silent', file: false } }));
  const [now, then] = [filesOf(made), filesOf(CHECKED_IN)];
  const differing = [...new Set([...Object.keys(now), ...Object.keys(then)])].filter((file) => now[file] !== then[file]);
  if (Object.keys(now).length === 0) throw new Error('openapi-ts made no file at all');
  if (differing.length > 0 && process.argv.includes('--write')) {
    rmSync(CHECKED_IN, { recursive: true });
    cpSync(made, CHECKED_IN, { recursive: true });
  } else if (differing.length > 0) {
    process.stderr.write(`${differing.map((file) => `apps/web/src/api/generated/${file}`).join('\n')}\n  differ from what apps/api-gateway/openapi.json makes. Run: node tools/verify/page-client.mjs --write\n`);
    process.exitCode = 1;
  }
} finally {
  rmSync(made, { recursive: true, force: true });
}
