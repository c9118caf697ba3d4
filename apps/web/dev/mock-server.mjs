// A gateway of pretence for developing the page: Airflow's shapes over made-up runs that move, the built page itself
// under the real content policy, and nothing else. It is not shipped. `node apps/web/dev/mock-server.mjs [port] [folder of the built page]`.
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const port = Number(process.argv[2] ?? 8790);
const site = resolve(process.argv[3] ?? fileURLToPath(new URL('../../../dist/web', import.meta.url)));
const DAY = 86_400_000;
const CHAR = { none: '-', scheduled: 'c', queued: 'q', running: 'r', restarting: 't', up_for_retry: 'y', up_for_reschedule: 'p', deferred: 'd', awaiting_input: 'i', success: 'S', failed: 'F', skipped: 'K', upstream_failed: 'U', removed: 'X' };
const iso = (ms) => (ms === null ? null : new Date(ms).toISOString());
let seed = 42;
const random = () => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;

const task = (task_id, upstream = [], more = {}) => ({ task_id, task_display_name: task_id.split('.').at(-1), group_id: task_id.includes('.') ? task_id.slice(0, task_id.lastIndexOf('.')) : null, operator: 'function', is_mapped: false, upstream, trigger_rule: 'all_success', retries: 1, ...more });
const group = (group_id) => ({ group_id, parent_id: group_id.includes('.') ? group_id.slice(0, group_id.lastIndexOf('.')) : null, label: group_id.split('.').at(-1), is_mapped: false });

const wideTasks = Array.from({ length: 24 }, (_, g) => Array.from({ length: 10 }, (_, t) => task(`load_${String(g).padStart(2, '0')}.table_${t}`, t === 0 ? [] : [`load_${String(g).padStart(2, '0')}.table_${t - 1}`]))).flat();
const dags = [
  dag('seattle_weather', '0 6 * * *', 'Asia/Seoul', [
    task('extract'), task('validate', ['extract'], { operator: 'bash' }), task('by_group.summarise', ['validate'], { is_mapped: true }), task('by_group.check', ['by_group.summarise']),
    task('choose_report', ['by_group.check'], { operator: 'branch' }), task('storm_report', ['choose_report']), task('calm_report', ['choose_report']),
    task('publish.write_csv', ['storm_report', 'calm_report'], { trigger_rule: 'none_failed_min_one_success' }), task('publish.write_html', ['publish.write_csv']), task('notify', ['publish.write_html'], { operator: 'bash' }),
  ], [group('by_group'), group('publish')], 21, ['demo', 'weather']),
  dag('wide_load', '*/30 * * * *', 'UTC', wideTasks, Array.from({ length: 24 }, (_, g) => group(`load_${String(g).padStart(2, '0')}`)), 100, ['etl']),
  dag('ingest_orders', '@hourly', 'America/New_York', [task('pull'), task('stage', ['pull']), task('merge', ['stage']), task('mark_done', ['merge'])], [], 40, []),
  dag('retrain_model', null, 'Asia/Seoul', [task('fetch'), task('train', ['fetch']), task('evaluate', ['train']), task('approve', ['evaluate'])], [], 6, ['ml']),
  dag('example_simplest_dag', '@daily', 'UTC', [task('my_task')], [], 0, ['example']),
];
dags[3].is_paused = true;
dags[2].has_import_errors = true;

function dag(dag_id, cron, timezone, tasks, groups, runCount, tags) {
  const structure = { hash: `plan-${dag_id}`, tasks, groups };
  const made = {
    dag_id, dag_display_name: dag_id, is_paused: false, is_stale: false, has_import_errors: false, fileloc: `/dags/${dag_id}.ts`, relative_fileloc: `${dag_id}.ts`, owners: ['data'], tags: tags.map((name) => ({ name, dag_id })),
    timetable_summary: cron, timetable_description: cron === '0 6 * * *' ? 'At 06:00' : null, next_dagrun_logical_date: null, next_dagrun_run_after: cron === null ? null : iso(Date.now() + 3.4 * 3_600_000), last_parsed_time: iso(Date.now() - 90_000),
    max_active_runs: 16, max_active_tasks: 16, max_consecutive_failed_dag_runs: 0, timezone, catchup: true, start_date: null, end_date: null, doc_md: dag_id === 'seattle_weather' ? 'Takes the day\'s rows of the Seattle weather series,\nmaps over groups of them and writes a small report.' : null,
    dag_run_timeout: null, params: dag_id === 'seattle_weather' ? { groups: 4, threshold_mm: 12.5 } : null, latest_dag_version: { version_number: 3 },
    structure, runs: [],
  };
  const every = cron === '*/30 * * * *' ? DAY / 48 : cron === '@hourly' ? DAY / 24 : DAY;
  for (let back = runCount - 1; back >= 0; back -= 1) made.runs.push(run(made, Math.floor(Date.now() / every) * every - back * every, back));
  return made;
}

function run(of, atMs, back) {
  const manual = back % 9 === 4;
  const made = { dag_id: of.dag_id, dag_run_id: `${manual ? 'manual' : 'scheduled'}__${iso(atMs).replace('.000Z', '+00:00')}`, run_type: manual ? 'manual' : 'scheduled', runAfter: atMs, startMs: atMs + 400, endMs: null, structure: of.structure.hash, instances: [], state: 'running', conf: {} };
  let clock = made.startMs;
  const doomed = back > 0 && random() < 0.12 ? Math.floor(random() * of.structure.tasks.length) : -1;
  let broken = false;
  const storm = random() < 0.4;
  of.structure.tasks.forEach((one, index) => {
    const length = one.is_mapped ? 4 : 1;
    for (let map = 0; map < length; map += 1) {
      const tookMs = 300 + random() * 40_000 * (0.4 + random());
      let state = index === doomed ? 'failed' : broken ? 'upstream_failed' : (one.task_id === 'storm_report') === !storm && one.task_id.endsWith('_report') && one.task_id !== 'choose_report' ? 'skipped' : 'success';
      if (index === doomed && one.is_mapped && map !== 2) state = 'success';
      if (back === 0) state = index < of.structure.tasks.length * 0.3 ? 'success' : index < of.structure.tasks.length * 0.4 ? 'running' : index < of.structure.tasks.length * 0.5 ? 'queued' : index === Math.floor(of.structure.tasks.length * 0.5) ? 'scheduled' : 'none';
      if (back === 0 && one.is_mapped) state = ['success', 'running', 'queued', 'up_for_retry'][map];
      const began = ['success', 'failed', 'running', 'up_for_retry'].includes(state);
      made.instances.push({ task: one, map: one.is_mapped ? map : -1, state, tryNumber: began ? (state === 'failed' || index === 1 ? 2 : 1) : 0, startMs: began ? clock : null, endMs: began && state !== 'running' ? clock + tookMs : null });
      if (began && !one.is_mapped) clock += tookMs * (of.structure.tasks.length > 50 ? 0.05 : 1);
    }
    if (index === doomed) broken = true;
  });
  if (back > 0) {
    made.state = broken ? 'failed' : 'success';
    made.endMs = Math.min(clock + 500, Date.now() - 1_000);
  }
  if (back === 0) {
    const shift = Date.now() - clock - 2_000;
    made.startMs += shift;
    for (const one of made.instances) { if (one.startMs !== null) one.startMs += shift; if (one.endMs !== null) one.endMs += shift; }
  }
  return made;
}

const WORST = ['failed', 'upstream_failed', 'up_for_retry', 'restarting', 'running', 'awaiting_input', 'deferred', 'up_for_reschedule', 'queued', 'scheduled', 'none', 'removed', 'skipped', 'success'];
const packed = (of, r) => of.structure.tasks.map((one) => CHAR[WORST.find((state) => r.instances.some((i) => i.task === one && i.state === state)) ?? 'none']).join('');
const mappedOf = (r) => {
  const counts = {};
  for (const one of r.instances) if (one.map >= 0) { const c = (counts[one.task.task_id] ??= {}); c[one.state] = (c[one.state] ?? 0) + 1; }
  return counts;
};
const runShape = (r) => ({ dag_id: r.dag_id, dag_run_id: r.dag_run_id, dag_display_name: r.dag_id, state: r.state, run_type: r.run_type, triggered_by: r.run_type === 'manual' ? 'ui' : 'timetable', triggering_user_name: r.run_type === 'manual' ? 'admin' : null, logical_date: iso(r.runAfter - DAY), data_interval_start: iso(r.runAfter - DAY), data_interval_end: iso(r.runAfter), run_after: iso(r.runAfter), queued_at: iso(r.startMs - 300), start_date: iso(r.startMs), end_date: iso(r.endMs), duration: r.endMs === null ? null : (r.endMs - r.startMs) / 1_000, conf: r.conf, note: null, dag_versions: [{ version_number: 3 }], failure_reason: r.state === 'failed' ? 'task_failed' : null, task_instance_counts: r.instances.reduce((counts, i) => ({ ...counts, [i.state]: (counts[i.state] ?? 0) + 1 }), {}) });
const instanceShape = (r, i) => ({ id: `${r.dag_run_id}/${i.task.task_id}/${i.map}`, task_id: i.task.task_id, task_display_name: i.task.task_id, dag_id: r.dag_id, dag_run_id: r.dag_run_id, map_index: i.map, rendered_map_index: i.map < 0 ? null : ['rain', 'snow', 'sun', 'fog'][i.map], state: i.state === 'none' ? null : i.state, try_number: i.tryNumber, max_tries: 1, scheduled_when: iso(i.startMs === null ? null : i.startMs - 12), queued_when: iso(i.startMs === null ? null : i.startMs - 8), start_date: iso(i.startMs), end_date: iso(i.endMs), duration: i.endMs === null || i.startMs === null ? null : (i.endMs - i.startMs) / 1_000, hostname: i.startMs === null ? null : 'host-a.1', pid: i.startMs === null ? null : 40_412, operator: i.task.operator, operator_name: i.task.operator, pool: 'default_pool', pool_slots: 1, queue: 'default', priority_weight: 3, note: null, reason: i.state === 'failed' ? { code: 'exit_code', message: 'The command ended with exit code 3.', detail: 'stderr: no rows for this day' } : null, next_at: i.state === 'up_for_retry' ? iso(Date.now() + 60_000) : null, executor_config: '{}', run_after: iso(r.runAfter), logical_date: iso(r.runAfter - DAY) });
const dagShape = ({ structure, runs, ...rest }) => rest;

const streams = new Set();
let position = 1_000;
function tell(event, data) {
  position += 1;
  for (const stream of streams) stream.write(`id: ${position}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}
// The newest run of each DAG lives: every two seconds one of its instances moves on.
setInterval(() => {
  for (const of of dags) {
    const r = of.runs.at(-1);
    if (r === undefined || r.state !== 'running') continue;
    const moves = { none: 'scheduled', scheduled: 'queued', queued: 'running', running: 'success', up_for_retry: 'running' };
    const next = r.instances.find((i) => moves[i.state] !== undefined);
    if (next === undefined) { r.state = 'success'; r.endMs = Date.now(); }
    else {
      next.state = moves[next.state];
      if (next.state === 'running') { next.startMs = Date.now(); next.tryNumber += 1; }
      if (next.state === 'success') next.endMs = Date.now();
    }
    tell('dag', { dag_id: of.dag_id, dag_run_ids: [r.dag_run_id] });
    tell('run', { dag_id: of.dag_id, dag_run_id: r.dag_run_id, task_ids: next === undefined ? [] : [next.task.task_id] });
    if (next === undefined) tell('dags', { dag_ids: [of.dag_id] });
  }
}, Number(process.env.MOCK_PACE_MS ?? 2_000)).unref();

const logLines = Array.from({ length: 4_000 }, (_, n) => JSON.stringify({ timestamp: iso(Date.now() - 90_000 + n * 20), level: n % 97 === 40 ? 'warning' : n % 331 === 200 ? 'error' : n % 11 === 3 ? 'debug' : 'info', logger: n === 0 ? 'dagbook' : n % 5 === 0 ? 'task.stdout' : 'task', event: n === 0 ? 'Attempt 1 granted to host-a.1 (epoch 1)' : n % 331 === 200 ? 'Error: rain gauge 7 answered nothing\n    at summarise (seattle_weather.ts:41:13)\n    at run (task.ts:12:5)' : n % 5 === 0 ? `\u001b[32m✓\u001b[0m wrote \u001b[1m${n}\u001b[0m rows to \u001b[36mout/2026-11-${String((n % 28) + 1).padStart(2, '0')}.csv\u001b[0m` : n % 97 === 40 ? 'precipitation is missing, taken as 0 mm' : `read chunk ${n}`, ...(n % 7 === 2 ? { rows: n * 3, station: 'SEA-01' } : {}) }));

const send = (res, status, body) => { res.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' }); res.end(JSON.stringify(body)); };
const missing = (res, what) => send(res, 404, { detail: `The ${what} was not found` });
const page = (list, url, key, shape) => { const limit = Number(url.searchParams.get('limit') ?? 50); const offset = Number(url.searchParams.get('offset') ?? 0); return { [key]: list.slice(offset, offset + limit).map(shape), total_entries: list.length }; };

/** What waits for a person; none here: answering is tested over the real gateway. */
const asked = [];
const secrets = { connections: [{ connection_id: 'warehouse', conn_type: 'postgres', description: null, host: 'db', login: 'etl', schema: 'dw', port: 5432, password: '***', extra: null, team_name: null }], variables: [{ key: 'region', value: 'ap-northeast-2', description: null, is_encrypted: true, team_name: null }] };
function stored(kind, id, req, url, body, res) {
  const name = kind === 'connections' ? 'connection_id' : 'key';
  const at = secrets[kind].findIndex((one) => one[name] === id);
  if (req.method === 'GET') return send(res, 200, page(secrets[kind], url, kind, (one) => one));
  if (req.method === 'POST') { secrets[kind].push({ ...body, team_name: null, ...(kind === 'connections' ? { password: body.password === null ? null : '***' } : { is_encrypted: true }) }); return send(res, 201, secrets[kind].at(-1)); }
  if (at < 0) return missing(res, id);
  if (req.method === 'DELETE') { secrets[kind].splice(at, 1); res.writeHead(204); return res.end(); }
  for (const field of url.searchParams.getAll('update_mask')) if (field !== 'password') secrets[kind][at][field] = body[field];
  return send(res, 200, secrets[kind][at]);
}

async function answer(req, res) {
  const url = new URL(req.url, 'http://mock');
  const parts = url.pathname.split('/').filter(Boolean).map(decodeURIComponent);
  const body = await new Promise((resolve) => { let text = ''; req.on('data', (chunk) => { text += chunk; }); req.on('end', () => resolve(text === '' ? {} : JSON.parse(text))); });
  if (parts[0] === 'auth') {
    if (parts[1] === 'token' && body.password !== 'admin') return send(res, 401, { detail: 'Invalid credentials' });
    res.setHeader('set-cookie', parts[1] === 'token' ? '_token=mock; HttpOnly; SameSite=Lax; Path=/' : '_token=; Max-Age=0; Path=/');
    return send(res, 201, { access_token: 'mock' });
  }
  if (parts[0] !== 'api' && parts[0] !== 'ui') return file(url.pathname, res);
  if (!/_token=mock/.test(req.headers.cookie ?? '')) return send(res, 401, { detail: 'Not authenticated' });
  if (parts[0] === 'ui' && parts[1] === 'dags') {
    const name = (url.searchParams.get('dag_id_pattern') ?? '').replaceAll('%', '');
    const paused = url.searchParams.get('paused');
    return send(res, 200, page(dags.filter((one) => one.dag_id.includes(name) && (paused === null || String(one.is_paused) === paused)), url, 'dags', (one) => ({ ...dagShape(one), latest_runs: one.runs.slice(-14).map((r) => runShape(r)) })));
  }
  if (parts[0] === 'ui' && parts[1] === 'grid') {
    const of = dags.find((one) => one.dag_id === parts[2]);
    if (of === undefined) return missing(res, 'DAG');
    if (parts[3] === 'structures') return send(res, 200, of.structure);
    return send(res, 200, { dag_id: of.dag_id, structure: of.structure.hash, runs: of.runs.slice(-Number(url.searchParams.get('limit') ?? 25)).reverse().map((r) => ({ ...runShape(r), structure: r.structure, states: packed(of, r), mapped: mappedOf(r) })) });
  }
  if (parts[0] === 'ui' && parts[1] === 'why') {
    const r = dags.find((one) => one.dag_id === parts[2])?.runs.find((one) => one.dag_run_id === parts[3]);
    const i = r?.instances.find((one) => one.task.task_id === parts[4]);
    if (i === undefined) return missing(res, 'Task Instance');
    const ups = r.instances.filter((one) => i.task.upstream.includes(one.task.task_id) && one.state !== 'success');
    return send(res, 200, { code: i.state === 'none' ? 'upstream_unfinished' : 'finished', message: i.state === 'none' ? `Its trigger rule all_success waits. Next: ${ups.map((one) => one.task.task_id).join(', ')}.` : `It ended as ${i.state}.`, state: i.state, until: null, waits_for: i.state === 'none' ? ups.map((one) => ({ task_id: one.task.task_id, map_index: one.map, state: one.state })) : [] });
  }
  const [, , kind, id, sub, runId, sub2, taskId, ...rest] = parts;
  if (kind === 'version') return send(res, 200, { version: '0.1.0' });
  if (kind === 'monitor') return send(res, 200, { metadatabase: { status: 'healthy' }, scheduler: { status: 'healthy' }, dispatcher: { status: 'healthy' }, worker: { status: 'healthy' }, log_server: { status: 'unhealthy' } });
  if (kind === 'importErrors') return send(res, 200, { import_errors: [{ import_error_id: 1, filename: 'ingest_orders.ts', timestamp: iso(Date.now() - 240_000), stack_trace: 'ingest_orders.ts:17:3: Task "merge" names "stagee" as its upstream, which is not a task of this DAG.\nWrite the id of a task that the DAG has: "pull", "stage" or "mark_done".' }], total_entries: 1 });
  if (kind === 'stream') {
    res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    res.write(': hello\n\n');
    streams.add(res);
    req.on('close', () => streams.delete(res));
    return undefined;
  }
  if (parts.at(-1) === 'hitlDetails') return send(res, 200, page(asked, url, 'hitl_details', (one) => one));
  if (kind === 'connections' || kind === 'variables') return stored(kind, id, req, url, body, res);
  if (kind === 'dags' && id === undefined) return send(res, 200, page(dags.filter((one) => !one.is_paused), url, 'dags', dagShape));
  if (kind === 'dagSources') return send(res, 200, { dag_id: id, version_number: 3, content: `import { dag, task } from '@dagbook/sdk';\n\nexport default dag('${id}', { schedule: '0 6 * * *', timezone: 'Asia/Seoul', catchup: true }, () => {\n  const rows = task('extract', () => readDay());\n  const parts = task('summarise', (group: Group) => mean(group)).expand(rows);\n  task('report', (all: Summary[]) => write(all))(parts);\n});\n` });
  const of = dags.find((one) => one.dag_id === id);
  if (of === undefined && id !== '~') return missing(res, `DAG with dag_id: \`${id}\``);
  if (sub === undefined && req.method === 'PATCH') { of.is_paused = body.is_paused; return send(res, 200, dagShape(of)); }
  if (sub === undefined || sub === 'details') return send(res, 200, dagShape(of));
  if (sub === 'clearTaskInstances') {
    const r = of.runs.find((one) => one.dag_run_id === body.dag_run_id);
    const wanted = body.task_ids.map((one) => (Array.isArray(one) ? one[0] : one));
    for (let grew = body.include_downstream; grew;) { const more = of.structure.tasks.filter((one) => !wanted.includes(one.task_id) && one.upstream.some((up) => wanted.includes(up))); wanted.push(...more.map((one) => one.task_id)); grew = more.length > 0; }
    const list = r.instances.filter((i) => wanted.includes(i.task.task_id));
    const shapes = list.map((i) => instanceShape(r, i));
    if (!body.dry_run) for (const i of list) Object.assign(i, { state: 'none', startMs: null, endMs: null });
    return send(res, 200, { task_instances: shapes, total_entries: shapes.length });
  }
  if (sub === 'dagRuns' && runId === undefined) {
    if (req.method === 'POST') {
      const r = run(of, Date.now(), 0);
      Object.assign(r, { dag_run_id: body.dag_run_id ?? `manual__${iso(Date.now())}`, run_type: 'manual', conf: body.conf, startMs: Date.now(), instances: r.instances.map((i) => ({ ...i, state: 'none', startMs: null, endMs: null, tryNumber: 0 })) });
      of.runs.push(r);
      tell('dag', { dag_id: of.dag_id, dag_run_ids: [r.dag_run_id] });
      return send(res, 200, runShape(r));
    }
    const state = url.searchParams.get('state');
    const all = (of === undefined ? dags.flatMap((one) => one.runs) : of.runs).filter((r) => state === null || r.state === state).sort((a, b) => b.runAfter - a.runAfter);
    return send(res, 200, page(all, url, 'dag_runs', runShape));
  }
  const r = of.runs.find((one) => one.dag_run_id === runId);
  if (r === undefined) return missing(res, `DagRun with dag_id: \`${id}\` and run_id: \`${runId}\``);
  if (sub2 === undefined && req.method === 'PATCH') { r.state = body.state; return send(res, 200, runShape(r)); }
  if (sub2 === undefined) return send(res, 200, runShape(r));
  if (sub2 === 'clear') return send(res, 200, { task_instances: r.instances.map((i) => instanceShape(r, i)), total_entries: r.instances.length });
  if (sub2 === 'events') {
    const events = [{ type: 'RunCreated', at: r.startMs - 20 }, { type: 'RunStarted', at: r.startMs }];
    for (const i of r.instances) {
      if (i.startMs === null) continue;
      const ref = { i, taskId: i.task.task_id, mapIndex: i.map, tryNumber: i.tryNumber };
      events.push({ ...ref, type: 'TaskScheduled', at: i.startMs - 12 }, { ...ref, type: 'AttemptGranted', at: i.startMs - 8 }, { ...ref, type: 'TaskStarted', at: i.startMs });
      if (i.endMs !== null) events.push({ ...ref, type: i.state === 'failed' ? 'TaskFailed' : 'TaskSucceeded', at: i.endMs });
    }
    events.sort((a, b) => a.at - b.at);
    return send(res, 200, { next_after: null, events: events.map((e, n) => ({ position: String(1_000 + n), stream_id: e.type === 'AttemptGranted' ? `attempt-${id}/${runId}/${e.taskId}/${e.mapIndex}/${e.tryNumber}` : `run-${id}/${runId}`, version: n + 1, type: e.type, at: iso(e.at), task_id: e.taskId ?? null, map_index: e.mapIndex ?? null, try_number: e.tryNumber ?? null, data: { taskId: e.taskId, mapIndex: e.mapIndex, tryNumber: e.tryNumber, epoch: 1, worker: 'host-a.1', atMs: e.at } })) });
  }
  if (taskId === undefined) {
    const only = url.searchParams.get('task_id');
    return send(res, 200, page(r.instances.filter((i) => only === null || i.task.task_id === only), url, 'task_instances', (i) => instanceShape(r, i)));
  }
  const map = /^\d+$/.test(rest[0] ?? '') ? Number(rest.shift()) : Number(url.searchParams.get('map_index') ?? -1);
  const i = r.instances.find((one) => one.task.task_id === taskId && (one.map === map || map === -1));
  if (i === undefined) return missing(res, 'Task Instance');
  if (rest[0] === 'xcomEntries') return rest[1] === undefined ? send(res, 200, { xcom_entries: i.state === 'success' ? [{ bytes: 40 }] : [], total_entries: i.state === 'success' ? 1 : 0 }) : send(res, 200, { key: rest[1], value: { rows: 512, station: 'SEA-01' } });
  if (rest[0] === 'state-store') return send(res, 200, { task_state_store: i.startMs === null ? [] : [{ key: 'page', value: { done: 3, of: 12 }, updated_at: iso(i.startMs), expires_at: null }], total_entries: i.startMs === null ? 0 : 1 });
  if (rest[0] === 'tries') return send(res, 200, { task_instances: Array.from({ length: i.tryNumber }, (_, n) => ({ ...instanceShape(r, i), try_number: n + 1, state: n + 1 < i.tryNumber ? 'failed' : i.state })), total_entries: i.tryNumber });
  if (rest[0] === 'logs' && rest[2] === 'stream') {
    res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    let sent = Number(req.headers['last-event-id'] ?? 0);
    const some = (count) => { const lines = logLines.slice(sent, sent + count); sent += lines.length; res.write(`id: ${sent}\n${lines.map((line) => `data: ${line}\n`).join('')}\n`); };
    some(i.endMs === null ? 60 : 600);
    const timer = setInterval(() => { if (sent >= (i.endMs === null ? logLines.length : 900)) { clearInterval(timer); res.end('event: end\ndata: {}\n\n'); } else some(i.endMs === null ? 2 : 300); }, 200);
    req.on('close', () => clearInterval(timer));
    return undefined;
  }
  if (rest[0] === 'logs') { res.writeHead(200, { 'content-type': 'application/x-ndjson' }); return res.end(logLines.join('\n')); }
  if (req.method === 'PATCH') { i.state = body.new_state; return send(res, 200, { task_instances: [instanceShape(r, i)], total_entries: 1 }); }
  return send(res, 200, instanceShape(r, i));
}

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.woff2': 'font/woff2' };
function file(pathname, res) {
  const wanted = join(site, normalize(pathname));
  const found = wanted.startsWith(site) && existsSync(wanted) && statSync(wanted).isFile() ? wanted : join(site, 'index.html');
  res.writeHead(200, { 'content-type': TYPES[extname(found)] ?? 'application/octet-stream', 'content-security-policy': "default-src 'self'; style-src 'self' 'unsafe-inline'; object-src 'none'; frame-ancestors 'none'; base-uri 'none'" });
  createReadStream(found).on('error', () => res.destroy()).pipe(res);
}

createServer((req, res) => { answer(req, res).catch((fault) => send(res, 500, { detail: String(fault) })); }).listen(port, '127.0.0.1', function () { console.log(`http://127.0.0.1:${this.address().port}/ (admin / admin)`); });
