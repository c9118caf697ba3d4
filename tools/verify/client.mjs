// Are the clients of page and command line what apps/api-gateway/openapi.json makes? `--write` makes them so.
import { cpSync, existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@hey-api/openapi-ts';

const ROOT = join(import.meta.dirname, '..', '..');
const filesOf = (folder) => Object.fromEntries(existsSync(folder) ? globSync('**/*.ts', { cwd: folder }).toSorted().map((file) => [file, readFileSync(join(folder, file), 'utf8')]) : []);

/** The files of one app's client that differ from what its configuration makes now. */
async function differing(configuration, write) {
  const { default: settings } = await import(join(ROOT, configuration));
  const { output, ...rest } = await settings;
  const made = mkdtempSync(join(tmpdir(), 'dagbook-client-'));
  try {
    await createClient({ ...rest, output: Object.assign({}, output, { path: made }), logs: { level: 'silent', file: false } });
    const [now, then] = [filesOf(made), filesOf(join(ROOT, output.path))];
    if (Object.keys(now).length === 0) throw new Error(`${configuration} makes no file at all`);
    const files = [...new Set([...Object.keys(now), ...Object.keys(then)])].filter((file) => now[file] !== then[file]);
    if (!write || files.length === 0) return files.map((file) => join(output.path, file));
    rmSync(join(ROOT, output.path), { recursive: true, force: true });
    cpSync(made, join(ROOT, output.path), { recursive: true });
    return [];
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}

process.chdir(ROOT);
for (const configuration of globSync('apps/*/openapi-ts.config.ts', { cwd: ROOT })) {
  const files = await differing(configuration, process.argv.includes('--write'));
  if (files.length === 0) continue;
  process.stderr.write(`${files.join('\n')}\n  differ from what apps/api-gateway/openapi.json makes. Run: node tools/verify/client.mjs --write\n`);
  process.exitCode = 1;
}
