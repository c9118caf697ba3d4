import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BundleScanner, type ScanDiff } from '@dagbook/bundles';
import { check, percentile, type Benchmark, type Figures } from '../figure.ts';

const FILES = 1_000;
const TASKS = 20;
const RESCANS = 1_000;
const EDITS = 9;

/** The parser alone: a folder of DAG files read for the first time, looked through again and again, and edited. */
export const parse: Benchmark = {
  name: 'parse-1000',
  says: '1,000 DAG files of 20 tasks: cold scan, rescan of an unchanged folder, an edit until it is known',
  run: async () => {
    const built = join(process.env['DAGBOOK_ROOT'] ?? '.', 'dist');
    const folder = mkdtempSync(join(tmpdir(), 'dagbook-parse-'));
    const scanner = new BundleScanner({ folder, sdkPath: join(built, 'sdk/index.js'), childPath: join(built, 'bundles/parse-child.js') });
    try {
      for (let file = 0; file < FILES; file += 1) writeFileSync(join(folder, `dag_${file}.ts`), dagText(file, ''));
      let cold: ScanDiff | undefined;
      const coldMs = await timed(async () => {
        cold = await scanner.scan();
      });
      check(cold?.changed.length === FILES && cold.failed.length === 0, `${cold?.changed.length} of ${FILES} files were read`);

      const rescans: number[] = [];
      for (let rescan = 0; rescan < RESCANS; rescan += 1) {
        rescans.push(await timed(async () => {
          const { changed, failed, removed } = await scanner.scan();
          check(changed.length + failed.length + removed.length === 0, 'an unchanged folder was told to differ');
        }));
      }
      return { coldMs, rescanMs: percentile(rescans, 0.5), rescanP99Ms: percentile(rescans, 0.99), editVisibleMs: await editVisibleMs(scanner, folder) } satisfies Figures;
    } finally {
      await scanner.stop();
      rmSync(folder, { recursive: true });
    }
  },
};

async function editVisibleMs(scanner: BundleScanner, folder: string): Promise<number> {
  let tell: (diff: ScanDiff) => void = () => undefined;
  scanner.watch((diff) => tell(diff), (error) => { throw error; });
  await scanner.scan();
  const edits: number[] = [];
  for (let edit = 0; edit < EDITS; edit += 1) {
    edits.push(await timed(async () => {
      const told = new Promise<ScanDiff>((resolve) => {
        tell = resolve;
      });
      writeFileSync(join(folder, `dag_${edit}.ts`), dagText(edit, `d.empty('edited');`));
      const [changed] = (await told).changed;
      check(changed?.file === `dag_${edit}.ts` && changed.definitions[0]?.definition.tasks.length === TASKS + 1, 'the edit was not what was told');
    }));
  }
  return percentile(edits, 0.5);
}

async function timed(work: () => Promise<void>): Promise<number> {
  const from = performance.now();
  await work();
  return performance.now() - from;
}

const dagText = (file: number, more: string): string => `import { dag } from '@dagbook/sdk';
const d = dag('dag_${file}', { schedule: '@daily', startDate: '2027-01-01' });
const t0 = d.task('t0', async () => 0)();
${Array.from({ length: TASKS - 1 }, (_, n) => `const t${n + 1} = d.task('t${n + 1}', async ({ n }: { n: number }) => n + 1)({ n: t${n} });`).join('\n')}
${more}
export default d;
`;
