// Is the client in libs/api-client what apps/api-gateway/openapi.json makes? `--write` makes it so.
import { cpSync, existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@hey-api/openapi-ts';

const ROOT = join(import.meta.dirname, '..', '..');
const CLIENT = 'libs/api-client/src';
const filesOf = (folder) => Object.fromEntries(existsSync(folder) ? globSync('**/*.ts', { cwd: folder }).toSorted().map((file) => [file, readFileSync(join(folder, file), 'utf8')]) : []);

/** The files that differ from what the document makes now. */
async function differing(write) {
  const { default: settings } = await import(join(ROOT, 'libs/api-client/openapi-ts.config.ts'));
  const { output, ...rest } = await settings;
  const made = mkdtempSync(join(tmpdir(), 'dagbook-client-'));
  try {
    await createClient({ ...rest, output: Object.assign({}, output, { path: join(made, 'generated') }), logs: { level: 'silent', file: false } });
    writeFileSync(join(made, 'index.ts'), doorOf(readFileSync(join(made, 'generated/index.ts'), 'utf8')));
    const [now, then] = [filesOf(made), filesOf(join(ROOT, CLIENT))];
    const files = [...new Set([...Object.keys(now), ...Object.keys(then)])].filter((file) => now[file] !== then[file]);
    if (!write || files.length === 0) return files.map((file) => join(CLIENT, file));
    rmSync(join(ROOT, CLIENT), { recursive: true, force: true });
    cpSync(made, join(ROOT, CLIENT), { recursive: true });
    return [];
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}

/** The room's door: what the generated index names, and the client itself, which it leaves out. */
const doorOf = (index) => `${index.trimEnd().replaceAll("from './", "from './generated/")}
export { client } from './generated/client.gen.ts';
export { type Client, createClient, createConfig } from './generated/client/index.ts';
`;

process.chdir(ROOT);
const files = await differing(process.argv.includes('--write'));
if (files.length > 0) {
  process.stderr.write(`${files.join('\n')}\n  differ from what apps/api-gateway/openapi.json makes. Run: node tools/verify/client.mjs --write\n`);
  process.exitCode = 1;
}
