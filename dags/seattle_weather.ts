// How does today's weather compare with the same days of four earlier years? Every day this DAG reads a fortnight of
// real measurements (Seattle–Tacoma airport, 2012 to 2015), compares the years and writes a CSV and an HTML report.
// It shows most of what a DAG is made of; docs/writing-dags.md explains each part.
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { bash, cron, dag } from '@dagbook/sdk';
import * as z from 'zod';
import csv from '../node_modules/vega-datasets/data/seattle-weather.csv';

interface Day { date: string; rain: number; max: number; min: number; wind: number; weather: string }
interface Summary { year: number; days: number; rain: number; warmest: number; coldest: number; sunny: number; highs: number[] }

const FOUR_YEARS = [2012, 2013, 2014, 2015];

// A DAG of your own has a fixed startDate. This one begins thirteen days ago, so that a newcomer always sees a fortnight
// of catch-up runs.
const thirteenDaysAgo = new Date(Date.now() - 13 * 86_400_000);
const startDate = new Intl.DateTimeFormat('sv-SE', { timeZone: 'Asia/Seoul' }).format(thirteenDaysAgo);

const weather = dag('seattle_weather', {
  schedule: cron('0 0 * * *', { timezone: 'Asia/Seoul' }),
  startDate,
  catchup: true, // a run for every day since startDate, not only for the latest
  tags: ['demo'],
  owner: 'dagbook',
  doc: 'Compares a fortnight of Seattle weather over four years, and writes a report.',
  // Whoever starts a run by hand is shown a form made from this schema.
  params: z.object({
    days: z.int().min(3).max(28).default(14),
    wetAbove: z.number().default(40).describe('mm of rain in the fortnight that make it a wet one'),
  }),
});

// A task is a function of its inputs and of its run. What it returns is handed to the tasks that ask for it.
const readDays = weather.task('read_days', async (_, { params, localDs, log }) => {
  // The measurements end in 2015, so a run looks at its own calendar day, and the days before it, in each year.
  const byDate = new Map(parse(csv).map((day) => [day.date, day]));
  const years = FOUR_YEARS.map((year) => ({ year, days: daysUpTo(year, localDs, params.days).flatMap((date) => byDate.get(date) ?? []) }));
  for (const { year, days } of years) log.info(`${year}: ${days.length} days up to ${localDs.slice(5)}`);
  return years;
});

// The airport's line is busy whenever somebody calls for the first time: this task fails once and is tried again.
const askStation = weather.task('ask_station', async (_, { tryNumber, log }) => {
  if (tryNumber === 1) throw new Error('the station did not pick up; the next try is in two seconds');
  log.info(`the station picked up at try ${tryNumber}`);
  return { name: 'Seattle–Tacoma', metres: 132 };
}, { retries: 2, retryDelay: '2s' });

// Tasks of a group stand together in the UI, and have its name before theirs: years.summarise.
const years = weather.group('years');
const summarise = years.task('summarise', async ({ year, days }: { year: number; days: Day[] }, { log }): Promise<Summary> => {
  const total = days.reduce((sum, day) => sum + day.rain, 0);
  const summary = {
    year, days: days.length, rain: round(total), sunny: days.filter((day) => day.weather === 'sun').length,
    warmest: Math.max(...days.map((day) => day.max)), coldest: Math.min(...days.map((day) => day.min)), highs: days.map((day) => day.max),
  };
  log.info(`${year}: ${summary.rain} mm of rain, ${summary.coldest} to ${summary.warmest} °C`, { sunny: summary.sunny });
  return summary;
});

const compare = weather.task('compare', async ({ summaries }: { summaries: Summary[] }, { params, log }) => {
  const rain = round(summaries.reduce((sum, { rain: mm }) => sum + mm, 0) / summaries.length);
  const wettest = summaries.reduce((a, b) => (b.rain > a.rain ? b : a)).year;
  log.info(`${rain} mm in the average fortnight, most in ${wettest}`);
  return { rain, wettest, verdict: rain > params.wetAbove ? ('wet' as const) : ('dry' as const) };
});

const umbrella = weather.task('umbrella', async ({ rain }: { rain: number }) => `Take an umbrella: ${rain} mm fall in a fortnight like this.`);
const sunglasses = weather.task('sunglasses', async ({ rain }: { rain: number }) => `Leave the umbrella at home: only ${rain} mm fall in a fortnight like this.`);

const writeCsv = weather.task('write_csv', async ({ summaries }: { summaries: Summary[] }, { localDs, log }) => {
  const rows = summaries.map(({ year, days, rain, warmest, coldest, sunny }) => [year, days, rain, warmest, coldest, sunny].join(','));
  return write(`${localDs}.csv`, ['year,days,rain_mm,warmest_c,coldest_c,sunny_days', ...rows, ''].join('\n'), log);
});

const report = weather.task('report', async (
  { summaries, station, advice, csvLines }: { summaries: Summary[]; station: { name: string; metres: number }; advice: (string | null)[]; csvLines: string },
  { localDs, log },
) => {
  const text = advice.find((candidate) => candidate !== null) ?? '';
  log.info(text, { csvLines: Number(csvLines) });
  return write(`${localDs}.html`, page(localDs, station, text, summaries), log);
}, { triggerRule: 'none_failed_min_one_success' }); // one of the two before it is always skipped

// Calling a task puts it into the DAG. Passing on what the call answers draws the edge; a wrong type does not compile.
const fortnights = readDays();
const station = askStation();
const summaries = summarise.expandKwargs(fortnights); // one instance for each year
const compared = compare({ summaries });
const wet = umbrella({ rain: compared.get('rain') });
const dry = sunglasses({ rain: compared.get('rain') });
weather.branch(compared.get('verdict'), { wet, dry });

const file = writeCsv({ summaries });
// A command gets values through its environment, never as part of its text. Its last line is its result.
const counted = weather.task('count_lines', bash({
  command: 'echo "lines of $CSV, written for $DAGBOOK_LOCAL_DS:"; cat "$CSV"; wc -l < "$CSV"',
  env: { CSV: file },
}))();

report({ summaries, station, advice: [wet.onSkip(null), dry.onSkip(null)], csvLines: counted });

export default weather;

// From here on it is plain TypeScript.

function parse(text: string): Day[] {
  return text.trim().split('\n').slice(1).map((line) => {
    const [date = '', rain, max, min, wind, kind = ''] = line.split(',');
    return { date, rain: Number(rain), max: Number(max), min: Number(min), wind: Number(wind), weather: kind.trim() };
  });
}

function daysUpTo(year: number, day: string, count: number): string[] {
  const [, month = 1, date = 1] = day.split('-').map(Number);
  const lastMs = Date.UTC(year, month - 1, date); // 29 February is 1 March in the years without
  return Array.from({ length: count }, (_, n) => new Date(lastMs - (count - 1 - n) * 86_400_000).toISOString().slice(0, 10));
}

const round = (value: number): number => Math.round(value * 10) / 10;

async function write(name: string, text: string, log: { info(message: string): void }): Promise<string> {
  const folder = resolve(process.env.DAGBOOK_OUTPUT ?? '.dagbook/output', 'seattle_weather');
  await mkdir(folder, { recursive: true });
  const path = join(folder, name);
  await writeFile(path, text);
  log.info(`wrote ${path}`);
  return path;
}

function page(day: string, { name, metres }: { name: string; metres: number }, advice: string, summaries: Summary[]): string {
  const colours = ['#2563eb', '#16a34a', '#d97706', '#9333ea'];
  const [width, height] = [640, 240];
  const highs = summaries.flatMap((summary) => summary.highs);
  const [low, high] = [Math.floor(Math.min(...highs)) - 1, Math.ceil(Math.max(...highs)) + 1];
  const y = (value: number) => round(height - ((value - low) / (high - low)) * height);
  const lines = summaries.map((summary, n) => {
    const points = summary.highs.map((value, at) => `${round((at / Math.max(1, summary.highs.length - 1)) * width)},${y(value)}`);
    return `<polyline fill="none" stroke="${colours[n]}" stroke-width="2" points="${points.join(' ')}"><title>${summary.year}</title></polyline>`;
  });
  const rows = summaries.map((summary, n) => `<tr><td style="color:${colours[n]}">${summary.year}</td><td>${summary.rain} mm</td><td>${summary.coldest} to ${summary.warmest} °C</td><td>${summary.sunny}</td></tr>`);
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Seattle up to ${day.slice(5)}</title>
<style>body{font:16px system-ui;max-width:720px;margin:2rem auto}td,th{padding:.2rem 1rem;text-align:left}svg{background:#f8fafc;overflow:visible}</style>
<h1>Seattle up to ${day.slice(5)}, in four years</h1>
<p>${advice}</p>
<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="Daily highs">
${[low, Math.round((low + high) / 2), high].map((value) => `<text x="-4" y="${y(value)}" font-size="11" text-anchor="end">${value} °C</text><line x1="0" x2="${width}" y1="${y(value)}" y2="${y(value)}" stroke="#e2e8f0"/>`).join('\n')}
${lines.join('\n')}
</svg>
<table><tr><th>year</th><th>rain</th><th>temperature</th><th>sunny days</th></tr>
${rows.join('\n')}
</table>
<p><small>Daily highs at ${name}, ${metres} m above the sea.</small></p>
</html>
`;
}
