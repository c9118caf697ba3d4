import { existsSync, realpathSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { CliFailure } from '../failure.ts';
import { printRows, type Shape } from '../format/print.ts';
import type { Session } from '../session.ts';
import type { Terminal } from '../terminal.ts';
import { scanFolder } from './dag-folder.ts';

/** What the check says of one DAG, or of a file that has none. */
interface Checked {
  readonly file: string;
  readonly dag_id: string | null;
  readonly tasks: number | null;
  readonly error: { readonly code: string; readonly message: string; readonly line: number | null; readonly column: number | null } | null;
}

const CHECKED: Shape<Checked> = {
  id: (row) => row.dag_id ?? row.file,
  columns: {
    file: (row) => `${row.file}${row.error === null || row.error.line === null ? '' : `:${row.error.line}${row.error.column === null ? '' : `:${row.error.column}`}`}`,
    dag: (row) => row.dag_id,
    tasks: (row) => row.tasks,
    check: (row) => (row.error === null ? 'success' : 'failed'),
    why: (row) => row.error?.message,
  },
};

export async function checkDags(session: Session, paths: readonly string[]): Promise<void> {
  const { terminal } = session;
  const rows: Checked[] = [];
  for (const [folder, files] of foldersOf(terminal, paths.length === 0 ? ['dags'] : paths)) rows.push(...(await checkFolder(terminal, folder, files)));
  printRows(terminal, session.format, rows, CHECKED);
  const failed = rows.filter(({ error }) => error !== null).length;
  if (failed > 0) throw new CliFailure('failed', `${failed} of ${rows.length} failed the check.`);
  if (rows.length === 0) throw new CliFailure('failed', 'There is no DAG to check here.', 'Name the files or the folder: dagbook dags check <path>.');
}

/** By folder, the files in it that were named; null: all of them. A file is read in the folder that it lies in. */
function foldersOf({ cwd }: Terminal, paths: readonly string[]): Map<string, string[] | null> {
  const folders = new Map<string, string[] | null>();
  for (const path of paths) {
    const full = resolve(cwd, path);
    if (!existsSync(full)) throw new CliFailure('usage', `${path} does not exist.`, 'Name DAG files, or folders of them.');
    const real = realpathSync(full);
    if (statSync(real).isDirectory()) folders.set(real, null);
    else if (folders.get(dirname(real)) !== null) folders.set(dirname(real), [...(folders.get(dirname(real)) ?? []), relative(dirname(real), real)]);
  }
  return folders;
}

async function checkFolder(terminal: Terminal, folder: string, files: readonly string[] | null): Promise<Checked[]> {
  const { changed, failed } = await scanFolder(terminal, { folder });
  const isWanted = (file: string): boolean => files === null || files.includes(file);
  const shown = (file: string): string => relative(terminal.cwd, join(folder, file));
  const problem = (file: string, code: string, message: string, line?: number, column?: number): Checked =>
    ({ file: shown(file), dag_id: null, tasks: null, error: { code, message, line: line ?? null, column: column ?? null } });
  const good = changed.filter(({ file }) => isWanted(file)).flatMap(({ file, definitions }) =>
    definitions.map(({ definition }): Checked => ({ file: shown(file), dag_id: definition.dagId, tasks: definition.tasks.length, error: null })));
  const bad = failed.filter(({ file }) => isWanted(file)).map(({ file, error }) => problem(file, error.code, error.message, error.line, error.column));
  const told = new Set([...changed, ...failed].map(({ file }) => file));
  const silent = (files ?? []).filter((file) => !told.has(file)).map((file) => problem(file, 'no_dag', 'It defines no DAG: nothing that it exports was made by dag().'));
  return [...good, ...bad, ...silent].sort((a, b) => (a.file < b.file ? -1 : 1));
}
