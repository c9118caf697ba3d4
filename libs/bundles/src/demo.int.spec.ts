import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildSdk, BundleScanner } from './index.ts';

const DAGS = new URL('../../../dags', import.meta.url).pathname;

/** The demo pipeline as a newcomer gets it: read by the scanner, its bundle run by `dag.test` in a process that knows no service. */
describe('the demo DAG', () => {
  let folder: string;
  let sdkPath: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'dagbook-demo-'));
    sdkPath = join(folder, 'sdk.js');
    await buildSdk(sdkPath);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('is read, and writes a CSV and a report with a chart from real rows', async () => {
    const scanner = new BundleScanner({ folder: DAGS, sdkPath });
    const { changed, failed } = await scanner.scan();
    await scanner.stop();
    expect(failed).toEqual([]);
    const demo = changed.find(({ file }) => file === 'seattle_weather.ts');
    expect(demo?.definitions[0]?.definition).toMatchObject({
      dagId: 'seattle_weather', timezone: 'Asia/Seoul', catchup: true, schedule: { kind: 'cronTrigger', cron: '0 0 * * *', timezone: 'Asia/Seoul' },
      startDate: expect.stringMatching(/T15:00:00\.000Z$/),
    });

    writeFileSync(join(folder, 'demo.mjs'), demo?.bundle.code ?? '');
    writeFileSync(join(folder, 'run.mjs'), `
      import { installSdkResolver } from ${JSON.stringify(new URL('./sdk-resolver.ts', import.meta.url).href)};
      installSdkResolver(${JSON.stringify(sdkPath)});
      const { default: demo } = await import('./demo.mjs');
      const ref = (id) => ({ id });
      const result = await demo.test({ logicalDate: '2026-02-28', log: ({ task, event }) => console.log(task + ': ' + event) });
      console.log(JSON.stringify([result.state, ...['umbrella', 'sunglasses', 'ask_station', 'report'].map((id) => result.stateOf(ref(id)))]));
    `);
    const { stdout } = await promisify(execFile)(process.execPath, [join(folder, 'run.mjs')], { env: { DAGBOOK_OUTPUT: folder, PATH: process.env['PATH'] ?? '' } });
    const lines = stdout.trim().split('\n');
    expect(lines.at(-1)).toBe('["success","success","skipped","success","success"]');
    expect(lines).toContain('ask_station: the station did not pick up; the next try is in two seconds');
    expect(lines).toContain('years.summarise[1]: 2013: 27.2 mm of rain, 1.1 to 13.3 °C');
    expect(lines).toContain('count_lines: lines of ' + join(folder, 'seattle_weather/2026-02-28.csv') + ', written for 2026-02-28:');
    expect(readFileSync(join(folder, 'seattle_weather/2026-02-28.csv'), 'utf8')).toMatch(/^year,days,rain_mm,warmest_c,coldest_c,sunny_days\n2012,14,/);
    expect(readFileSync(join(folder, 'seattle_weather/2026-02-28.html'), 'utf8').match(/<polyline/g)).toHaveLength(4);
  });
});
