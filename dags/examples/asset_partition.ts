// Data in partitions: DAGs whose runs have a key, and DAGs that run for each key. As Airflow's example_asset_partition.
import { asset, dag, partitions, when, type Schedule, type TaskContext } from '@dagbook/sdk';

const { allowedKeys, fanOut, fixedKey, identity, product, rollup, segments, startOf, window } = partitions;
const printKey = async (_: object, { log, run }: TaskContext<unknown>) => {
  log.info(`partition ${run.partitionKey}, which starts ${run.partitionDate?.toISOString() ?? 'at no time'}`);
  return run.partitionKey ?? null;
};

const teamA = asset('file://incoming/player-stats/team_a.csv');
const teamB = asset('file://incoming/player-stats/team_b.csv');
const teamC = asset('file://incoming/player-stats/team_c.csv');
const combined = asset('file://curated/player-stats/combined.csv');

// Each hour has its run, and each run its key: 2026-01-05T06:00:00.
const hourly = ([['ingest_team_a_player_stats', 'ingest_team_a_stats', '0 * * * *', teamA], ['team_b_player_stats', 'team_b_player_stats', '15 * * * *', teamB], ['team_c_player_stats', 'team_c_player_stats', '30 * * * *', teamC]] as const).map(([id, task, cron, made]) => {
  const d = dag(id, { schedule: partitions.cron(cron, { timezone: 'UTC' }), tags: [...(id.startsWith('ingest') ? ['example'] : []), 'ingestion', 'player-stats'] });
  d.task(task, async () => {}, { outlets: [made] })();
  return d;
});

// Their keys differ by minutes; all three lead to the hour, which runs once all three came.
const combine = dag('clean_and_combine_player_stats', { schedule: partitions.of(when.all(teamA, teamB, teamC), { mapper: startOf('hour') }), tags: ['cleanup', 'example', 'player-stats'] });
combine.task('combine_player_stats', printKey, { outlets: [combined] })();

// Without a mapper a run has the key of the update.
const odds = dag('compute_player_odds', { schedule: partitions.of(combined), tags: ['odds', 'player-stats'] });
odds.task('compute_player_odds', async () => {}, { outlets: [asset('file://analytics/player-stats/computed-player-odds.csv')] })();

// Years and hours are never the same key, so this one never runs by itself.
const never = dag('player_odds_quality_check_wont_ever_to_trigger', {
  schedule: partitions.of(when.all(combined, teamA, teamB), { mappers: [[combined, startOf('year', { inputFormat: '%Y-%m-%dT%H' })], [teamA, startOf('hour')], [teamB, startOf('hour')]] }), tags: ['example', 'odds', 'player-stats'],
});
never.task('check_partition_alignment', async () => {})();

// A task may say which partitions it made, whatever the key of its run: these have two parts.
const sales = asset('file://incoming/sales/regional.csv');
const ingestSales = dag('ingest_regional_sales', { schedule: partitions.atRuntime(), tags: ['example', 'ingestion', 'sales'] });
ingestSales.task('ingest_sales', async (_, { emit }) => emit(sales, {}, { partitionKey: ['us', 'eu', 'apac'].map((region) => `${region}|2026-06-14T03:00:00`) }), { outlets: [sales] })();

const aggregateSales = dag('aggregate_regional_sales', { schedule: partitions.of(sales, { mapper: product([identity(), startOf('day')]) }), tags: ['aggregation', 'example', 'sales'] });
aggregateSales.task('aggregate_sales', printKey)();

// Started with a key: npx dagbook dags trigger ingest_region_stats --partition-key us
const regionStats = asset('file://incoming/player-stats/by-region.csv');
const ingestRegion = dag('ingest_region_stats', { schedule: partitions.atRuntime(), tags: ['example', 'player-stats', 'regional'] });
ingestRegion.task('ingest_region', printKey, { outlets: [regionStats] })();

const breakdown = dag('regional_stats_breakdown', { schedule: partitions.of(regionStats, { mapper: allowedKeys(['us', 'eu', 'apac']) }), tags: ['player-stats', 'regional'] });
breakdown.task('regional_stats_breakdown', async () => {}, { outlets: [asset('file://analytics/player-stats/regional-breakdown.csv')] })();

const live = asset('file://incoming/player-stats/live-region.csv');
const liveRegion = dag('live_region_player_stats', { schedule: partitions.atRuntime(), tags: ['player-stats', 'runtime'] });
liveRegion.task('live_region_player_stats', async (_, { emit }) => emit(live, {}, { partitionKey: 'us' }), { outlets: [live] })();

const multi = asset('file://incoming/player-stats/multi-region.csv');
const multiRegion = dag('multi_region_player_stats', { schedule: partitions.atRuntime(), tags: ['player-stats', 'runtime'] });
multiRegion.task('multi_region_player_stats', async (_, { emit }) => emit(multi, {}, { partitionKey: ['us', 'eu', 'apac'] }), { outlets: [multi] })();

// Many keys make one run, or one key makes many.
const dailyTeamA = asset('s3://team-a/daily');
const model = asset('file://artifacts/models/weekly.bin');
const regions = segments('us', 'eu', 'apac');
const reads = (id: string, tags: string[], task: string, schedule: Schedule, outlets = [] as (typeof model)[]) => {
  const d = dag(id, { schedule, tags });
  d.task(task, printKey, { outlets })();
  return d;
};

const train = dag('train_weekly_model', { schedule: partitions.cron('0 0 * * 1', { timezone: 'UTC' }), tags: ['example', 'model', 'training'] });
train.task('train_model', async () => {}, { outlets: [model] })();

const rollups = [
  // All 24 hours, and of those days all of a month.
  reads('daily_team_a_rollup', ['example', 'player-stats', 'rollup'], 'summarise_team_a_day', partitions.of(teamA, { mapper: rollup(startOf('day'), window('day')) }), [dailyTeamA]),
  reads('monthly_team_a_rollup', ['example', 'player-stats', 'rollup'], 'summarise_team_a_month', partitions.of(dailyTeamA, { mapper: rollup(startOf('month', { inputFormat: '%Y-%m-%d' }), window('month')) }), [asset('s3://team-a/monthly')]),
  reads('segment_region_stats_rollup', ['example', 'player-stats', 'rollup', 'segment'], 'aggregate_all_regions', partitions.of(multi, { mapper: rollup(fixedKey('all_regions'), regions) })),
  // Two of the three are enough.
  reads('segment_region_stats_early_rollup', ['example', 'player-stats', 'rollup', 'segment'], 'aggregate_available_regions', partitions.of(multi, { mapper: rollup(fixedKey('all_regions'), regions, { minimumCount: 2 }) })),
];

const fanOuts = [
  // The seven days of the week, and the seven that end with its Monday.
  reads('daily_inference', ['example', 'inference', 'model'], 'run_inference', partitions.of(model, { mapper: fanOut(startOf('week'), window('week'), { maxKeys: 7 }) })),
  reads('trailing_week_inference', ['example', 'inference', 'model'], 'run_trailing_inference', partitions.of(model, { mapper: fanOut(startOf('week'), window('week', { direction: 'backward' })) })),
  reads('summarize_live_region_stats', ['example', 'player-stats', 'runtime'], 'summarize_live_region', partitions.of(live)),
  reads('scatter_live_region_to_segments', ['example', 'fan-out', 'player-stats', 'segment'], 'process_region_segment', partitions.of(live, { mapper: fanOut(identity(), regions) })),
];

export default [...hourly, combine, odds, never, ingestSales, aggregateSales, ingestRegion, breakdown, liveRegion, multiRegion, train, ...rollups, ...fanOuts];
