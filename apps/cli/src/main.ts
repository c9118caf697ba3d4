import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { runCommand } from './program.ts';

const root = process.env['DAGBOOK_ROOT'] ?? join(import.meta.dirname, '..', '..');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
const interrupt = new AbortController();
process.on('SIGINT', () => interrupt.abort());
process.on('SIGTERM', () => interrupt.abort());
// Whoever reads our output has enough of it: `| head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

process.exitCode = await runCommand({
  env: process.env,
  cwd: process.cwd(),
  root,
  isTty: Boolean(process.stdout.isTTY),
  out: (data) => void process.stdout.write(data),
  err: (line) => void process.stderr.write(line),
  readStdin: () => text(process.stdin),
  askSecret,
  signal: interrupt.signal,
}, process.argv.slice(2), version);

async function askSecret(question: string): Promise<string | null> {
  if (!process.stdin.isTTY) return null;
  process.stderr.write(question);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true });
  interrupt.signal.addEventListener('abort', () => lines.close());
  lines.on('SIGINT', () => interrupt.abort());
  const answer = await new Promise<string | null>((resolve) => {
    lines.once('line', resolve);
    lines.once('close', () => resolve(null));
  });
  lines.close();
  process.stderr.write('\n');
  return answer;
}
