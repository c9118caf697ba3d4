// The air quality of a day, kept in S3 and read again. Needs the connection `aws_default` and the bucket `airflow-tutorial-data`.
import { dag, http, s3Get, s3Put } from '@dagbook/sdk';

const FIELDS = ['pm10', 'pm2_5', 'carbon_monoxide', 'nitrogen_dioxide', 'sulphur_dioxide', 'ozone', 'european_aqi', 'us_aqi'] as const;
interface AirQuality { readonly hourly: { readonly time: readonly string[] } & { readonly [F in (typeof FIELDS)[number]]: readonly (number | null)[] } }

const d = dag('tutorial_objectstorage', { startDate: '2021-01-01', catchup: false, tags: ['example'] });
const base = { connection: 'aws_default', bucket: 'airflow-tutorial-data' } as const;

const quality = d.task('get_air_quality_data', http<AirQuality>({
  url: 'https://air-quality-api.open-meteo.com/v1/air-quality', query: { latitude: 28.6139, longitude: 77.209, hourly: FIELDS.join(','), timezone: 'UTC' },
}))();
const stored = d.task('store', s3Put({ ...base, key: 'air_quality_{{ ds_nodash }}.json', content: quality }))();
const read = d.task('read', s3Get<AirQuality>({ ...base, key: stored.get('key'), as: 'json' }))();
d.task('analyze', async ({ data }: { data: AirQuality }, { log }) => {
  const { time, pm10 } = data.hourly;
  for (const [hour, at] of time.slice(0, 5).entries()) log.info(`${at}: ${pm10[hour]}`);
  return time.length;
})({ data: read });
export default d;
