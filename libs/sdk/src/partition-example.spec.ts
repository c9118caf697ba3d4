import { describe, expect, it } from 'vitest';
import examples from '../../../dags/examples/asset_partition.ts';
import customs from '../../../dags/examples/asset_partition_custom.ts';
import { asset, type ScheduleTestResult } from './index.ts';

const TIME = { from: '2026-01-01', to: '2027-12-31', log: () => undefined };
const example = (dagId: string) => [...examples, ...customs].find(({ id }) => id === dagId) as (typeof examples)[number];
type Updates = readonly (readonly [uri: string, partitionKey: string])[];
const keysOf = ({ runs }: ScheduleTestResult): (string | undefined)[] => runs.map(({ partitionKey }) => partitionKey);
const runs = async (dagId: string, updates: Updates): Promise<(string | undefined)[]> =>
  keysOf(await example(dagId).testSchedule({ ...TIME, updates: updates.map(([uri, partitionKey]) => ({ at: '2026-02-01', asset: asset(uri), partitionKey })) }));
const emitted = async (dagId: string): Promise<Updates> => (await example(dagId).test(TIME)).assetEvents.map(({ uri, partitionKey }) => [uri, partitionKey ?? '']);
const hours = (day: string): Updates => Array.from({ length: 24 }, (_, hour) => ['file://incoming/player-stats/team_a.csv', `${day}T${String(hour).padStart(2, '0')}:00:00`]);
const days = (month: string, count: number): Updates => Array.from({ length: count }, (_, day) => ['s3://team-a/daily', `${month}-${String(day + 1).padStart(2, '0')}`]);
const week = ['2026-01-05', '2026-01-06', '2026-01-07', '2026-01-08', '2026-01-09', '2026-01-10', '2026-01-11'];

describe('the example of partitions', () => {
  it('gives each hour a run and its key', async () => {
    expect(keysOf(await example('team_b_player_stats').testSchedule({ ...TIME, from: '2026-01-05T06:00:00Z', to: '2026-01-05T08:30:00Z' }))).toEqual(['2026-01-05T06:15:00', '2026-01-05T07:15:00', '2026-01-05T08:15:00']);
  });

  it('combines the hours of three teams, and runs no DAG whose keys never meet', async () => {
    const came = ['a.csv', 'b.csv', 'c.csv'].flatMap((file, index): Updates => [5, 6].slice(index === 2 ? 1 : 0).map((hour) => [`file://incoming/player-stats/team_${file}`, `2026-01-05T0${hour}:${index}5:00`]));
    expect(await runs('clean_and_combine_player_stats', came)).toEqual(['2026-01-05T06']);
    const [team, same] = [came.filter(([uri]) => !uri.endsWith('c.csv')), [['file://curated/player-stats/combined.csv', '2026-01-05T06']] as const];
    expect(await runs('compute_player_odds', same)).toEqual(['2026-01-05T06']);
    expect(await runs('player_odds_quality_check_wont_ever_to_trigger', [...team, ...same])).toEqual([]);
  });

  it('sorts what tasks say at run time', async () => {
    expect(await runs('aggregate_regional_sales', await emitted('ingest_regional_sales'))).toEqual(['us|2026-06-14', 'eu|2026-06-14', 'apac|2026-06-14']);
    expect(await runs('summarize_live_region_stats', await emitted('live_region_player_stats'))).toEqual(['us']);
    expect(await runs('scatter_live_region_to_segments', await emitted('live_region_player_stats'))).toEqual(['us', 'eu', 'apac']);
    expect(await runs('segment_region_stats_rollup', await emitted('multi_region_player_stats'))).toEqual(['all_regions']);
    expect(await runs('segment_region_stats_rollup', (await emitted('multi_region_player_stats')).slice(1))).toEqual([]);
    expect(await runs('segment_region_stats_early_rollup', await emitted('multi_region_player_stats'))).toEqual(['all_regions']);
    const region = 'file://incoming/player-stats/by-region.csv';
    expect(await runs('regional_stats_breakdown', [[region, 'us'], [region, 'mars'], [region, 'eu']])).toEqual(['us', 'eu']);
  });

  it('maps by code, and waits for what code says', async () => {
    expect(await runs('example_asset_partition_custom_mapper', ['eu::daily-sales', 'us::daily-sales', 'eu::us::x', 'other'].map((key) => ['s3://sales/by-region', key]))).toEqual(['daily-sales', 'daily-sales', 'x', 'other']);
    const february = days('2026-02', 28).map(([, key]) => ['s3://trades/by-day', key] as const).filter(([, day]) => new Date(day).getUTCDay() % 6 !== 0);
    expect(february).toHaveLength(20);
    expect(await runs('example_asset_partition_business_month', february.slice(1))).toEqual([]);
    expect(await runs('example_asset_partition_business_month', february)).toEqual(['2026-02']);
    const { runs: scheduled } = await example('example_asset_partition_scheduled_at_runtime').testSchedule({ ...TIME, from: '2026-01-02', to: '2026-01-06' });
    expect(scheduled.map((run) => run.assetEvents.map(({ partitionKey }) => partitionKey))).toEqual([['2026-01-02'], ['2026-01-05']]);
  });

  it('rolls hours up to days and days to months, once all of them came', async () => {
    expect(await runs('daily_team_a_rollup', hours('2026-01-05'))).toEqual(['2026-01-05']);
    expect(await runs('daily_team_a_rollup', hours('2026-01-05').slice(1))).toEqual([]);
    expect(await runs('monthly_team_a_rollup', days('2026-02', 28))).toEqual(['2026-02']);
    expect(await runs('monthly_team_a_rollup', days('2026-03', 30))).toEqual([]);
  });

  it('makes of one week a run for each of its days, or for the seven that end with its Monday', async () => {
    const trained = [['file://artifacts/models/weekly.bin', '2026-01-05T00:00:00']] as const;
    expect(await runs('daily_inference', trained)).toEqual(week);
    expect(await runs('trailing_week_inference', trained)).toEqual(['2025-12-30', '2025-12-31', '2026-01-01', '2026-01-02', '2026-01-03', '2026-01-04', '2026-01-05']);
  });
});
