// The house's own rules, as an oxlint plugin. Each is broken below tools/lint/known-bad/code and kept below
// tools/lint/known-good/code, and tools/lint/code.spec.ts compares line by line.
import { TOPICS, assignmentTopic } from '../../libs/contracts/src/topics.ts';

const TEST_FILE = /(\.(spec|conformance|harness)\.tsx?$|\/(test|type-tests|testkit)\/)/;
const PURE_ROOM = /\/libs\/(domain|templates)\/src\//;
const PRODUCT = /\/(libs|apps)\/[^/]+\/src\//;
const CLOCK = /\/libs\/platform\/src\/clock\.ts$/;

const isTest = (path) => TEST_FILE.test(path);
const isNamed = (node, ...names) => node?.type === 'Identifier' && names.includes(node.name);
const nameOf = (node) => (node?.type === 'Identifier' ? node.name : node?.type === 'Literal' ? String(node.value) : undefined);
const isMember = (node, object, property) => node?.type === 'MemberExpression' && isNamed(node.object, object) && nameOf(node.property) === property;

/** A rule that only looks at the files it is about. `visit(report, context)` answers the visitor. */
const rule = (description, isAbout, visit) => ({
  meta: { type: 'problem', docs: { description } },
  create(context) {
    if (!isAbout(context.filename.replaceAll('\\', '/'))) return {};
    return visit((node, message = description) => context.report({ node, message }), context);
  },
});

const readsWallClock = (node) => (node.type === 'CallExpression' ? isMember(node.callee, 'Date', 'now') || isNamed(node.callee, 'Date') : isNamed(node.callee, 'Date') && node.arguments.length === 0);

const IMPURE_GLOBALS = new Set(['performance', 'process', 'crypto', 'fetch', 'setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'globalThis', 'Promise', 'console']);

const pureRoom = rule(
  'domain and templates are pure: time, ids and random come in the command, and nothing waits.',
  (path) => PURE_ROOM.test(path) && !isTest(path),
  (report) => {
    const noAsync = (node) => node.async && report(node, 'domain and templates decide at once: nothing is async here.');
    return {
      FunctionDeclaration: noAsync,
      FunctionExpression: noAsync,
      ArrowFunctionExpression: noAsync,
      AwaitExpression: (node) => report(node, 'domain and templates decide at once: nothing waits here.'),
      NewExpression: (node) => (readsWallClock(node) || isNamed(node.callee, 'Promise')) && report(node),
      CallExpression: (node) => (readsWallClock(node) || isMember(node.callee, 'Math', 'random') || (node.callee.type === 'Identifier' && IMPURE_GLOBALS.has(node.callee.name))) && report(node),
      MemberExpression: (node) => node.object.type === 'Identifier' && IMPURE_GLOBALS.has(node.object.name) && report(node),
    };
  },
);

const givenClock = rule(
  'The wall clock is read in platform/clock alone; everything else is handed a Clock.',
  (path) => PRODUCT.test(path) && !PURE_ROOM.test(path) && !CLOCK.test(path) && !isTest(path) && !path.includes('/apps/web/'),
  (report) => ({ NewExpression: (node) => readsWallClock(node) && report(node), CallExpression: (node) => readsWallClock(node) && report(node) }),
);

const TOPIC_NAMES = [...Object.values(TOPICS).map(({ name }) => name), assignmentTopic('').name.replace(/\.$/, '')];
const isTopic = (text) => TOPIC_NAMES.some((name) => text === name || text.startsWith(`${name}.`));

const topicFromTable = rule(
  'Topics stand in one table: use TOPICS or assignmentTopic of @dagbook/contracts. (A spec may state the name.)',
  (path) => PRODUCT.test(path) && !path.includes('/libs/contracts/') && !isTest(path),
  (report) => ({
    Literal: (node) => typeof node.value === 'string' && isTopic(node.value) && report(node),
    TemplateLiteral: (node) => isTopic(node.quasis[0].value.raw) && report(node),
  }),
);

/** `new Promise((resolve) => setTimeout(resolve, n))`. A deadline that rejects is no sleep, for its timer calls something else; nor is a turn of the event loop. */
const sleepsIn = (executor) => {
  const resolve = executor?.params?.[0];
  const isSleep = (node) => node?.type === 'CallExpression' && isNamed(node.callee, 'setTimeout') && resolve !== undefined && isNamed(node.arguments[0], resolve.name);
  const statements = executor?.body?.type === 'BlockStatement' ? executor.body.body.map((statement) => statement.expression) : [executor?.body];
  return statements.some((node) => isSleep(node?.type === 'UnaryExpression' ? node.argument : node));
};

const noSleep = rule(
  'A test waits for a signal or polls a condition (`expect.poll`); a sleep is either too short or too long.',
  (path) => /\.(spec|conformance)\.tsx?$/.test(path),
  (report) => ({
    NewExpression: (node) => isNamed(node.callee, 'Promise') && sleepsIn(node.arguments[0]) && report(node),
    ImportSpecifier: (node) => /^(node:)?timers\/promises$/.test(node.parent.source.value) && /^set(Timeout|Interval)$/.test(nameOf(node.imported)) && report(node),
    CallExpression: (node) => (nameOf(node.callee.property) === 'waitForTimeout' || isMember(node.callee, 'Atomics', 'wait')) && report(node),
  }),
);

const isErrorName = (name) => /^(e|err|error|fault|failure|cause|exception|thrown)$/i.test(name ?? '') || /(Error|Fault)$/.test(name ?? '');
const isErrorMessage = (node) => {
  if (node?.type === 'ChainExpression') return isErrorMessage(node.expression);
  if (node?.type !== 'MemberExpression' || nameOf(node.property) !== 'message') return false;
  let of = node.object;
  while (of?.type === 'TSAsExpression' || of?.type === 'TSNonNullExpression' || of?.type === 'ChainExpression') of = of.expression;
  return isErrorName(of?.type === 'MemberExpression' ? nameOf(of.property) : nameOf(of));
};

const noBranchOnMessage = rule(
  'An error is told by its code (`hasCode`); its message is for people and may change.',
  (path) => !isTest(path),
  (report) => ({
    BinaryExpression: (node) => /^[!=]==?$/.test(node.operator) && (isErrorMessage(node.left) || isErrorMessage(node.right)) && ![node.left, node.right].some((side) => side.type === 'Literal' && side.value === '') && report(node),
    SwitchStatement: (node) => isErrorMessage(node.discriminant) && report(node),
    CallExpression(node) {
      if (node.callee.type !== 'MemberExpression') return;
      const method = nameOf(node.callee.property);
      if (isErrorMessage(node.callee.object) && ['includes', 'startsWith', 'endsWith', 'match', 'search', 'indexOf'].includes(method)) report(node);
      if (['test', 'exec'].includes(method) && isErrorMessage(node.arguments[0])) report(node);
    },
  }),
);

const namedExports = rule('A door names what it exports: no `export *`.', () => true, (report) => ({ ExportAllDeclaration: (node) => report(node) }));

const noEnum = rule('A closed set is a union of string literals, not an enum.', () => true, (report) => ({ TSEnumDeclaration: (node) => report(node) }));

const RUNNERS = ['test', 'it', 'describe', 'suite', 'bench'];
const noSkippedTest = rule(
  'A test runs always and everywhere: no skip, only, todo, fails, skipIf, runIf. What a machine lacks is for tools/bootstrap/test.mjs to list.',
  isTest,
  (report) => ({
    MemberExpression(node) {
      if (!['skip', 'only', 'todo', 'fails', 'skipIf', 'runIf'].includes(nameOf(node.property))) return;
      let root = node.object;
      while (root.type === 'MemberExpression' || root.type === 'CallExpression') root = root.type === 'MemberExpression' ? root.object : root.callee;
      if (isNamed(root, ...RUNNERS)) report(node);
    },
    CallExpression(node) {
      if (isNamed(node.callee, 'xit', 'xtest', 'xdescribe', 'fit', 'fdescribe')) report(node);
      // The same by the back door: vitest's test context, and its options argument.
      if (nameOf(node.callee.property) === 'skip' && isNamed(node.callee.object, 'context', 'ctx', 't')) report(node);
      if (isNamed(node.callee, ...RUNNERS)) {
        for (const argument of node.arguments) {
          for (const property of argument.type === 'ObjectExpression' ? argument.properties : []) if (['skip', 'only', 'todo', 'fails'].includes(nameOf(property.key))) report(property);
        }
      }
    },
  }),
);

const noBareTodo = rule(
  'Debt is named with its issue: `TODO #123: …`.',
  () => true,
  (report, context) => ({
    Program() {
      for (const comment of context.sourceCode.getAllComments()) if (/\b(TODO|FIXME|XXX|HACK)\b(?!\s*\(?#\d+)/.test(comment.value)) report(comment);
    },
  }),
);

const houseName = rule(
  'A name says what the thing is: no I-prefix, no Impl, Manager, Helper, Util, Dto, Entity; Airflow says task, not job or step.',
  (path) => !path.includes('/generated/'),
  (report) => {
    const check = ({ id }) => id && (/^I[A-Z][a-z]/.test(id.name) || /(Impl|Manager|Helpers?|Utils?|Dto|DTO|Entity|Job|^Step|TaskStep|DagStep)$/.test(id.name)) && report(id);
    return { ClassDeclaration: check, TSInterfaceDeclaration: check, TSTypeAliasDeclaration: check };
  },
);

const houseFolder = rule(
  'A folder is named after what it knows: no utils, common, shared, core, helpers.',
  (path) => /\/(libs|apps|test|tools)\/(?:[^/]+\/)*(utils?|common|shared|core|helpers?)(\/|\.[a-z]+$)/.test(path) && !path.includes('/generated/'),
  (report) => ({ Program: (node) => report(node) }),
);

const decoratorName = ({ expression }) => nameOf(expression.type === 'CallExpression' ? expression.callee : expression);

const explicitInject = rule(
  'esbuild emits no decorator metadata: say @Inject(TOKEN) on every constructor parameter, else Nest injects undefined.',
  (path) => PRODUCT.test(path),
  (report) => ({
    'MethodDefinition[kind="constructor"]'(node) {
      const owner = node.parent.parent;
      if (!(owner.decorators ?? []).some((decorator) => ['Injectable', 'Controller', 'Module'].includes(decoratorName(decorator)))) return;
      for (const parameter of node.value.params) if (!(parameter.decorators ?? []).some((decorator) => decoratorName(decorator) === 'Inject')) report(parameter);
    },
  }),
);

const narrowConstructor = rule(
  'More than six constructor parameters: this class is two classes.',
  (path) => PRODUCT.test(path),
  (report) => ({ 'MethodDefinition[kind="constructor"]': (node) => node.value.params.length > 6 && report(node) }),
);

export default {
  meta: { name: 'dagbook' },
  rules: {
    'pure-room': pureRoom,
    'given-clock': givenClock,
    'topic-from-table': topicFromTable,
    'no-sleep': noSleep,
    'no-branch-on-message': noBranchOnMessage,
    'named-exports': namedExports,
    'no-enum': noEnum,
    'no-skipped-test': noSkippedTest,
    'no-bare-todo': noBareTodo,
    'house-name': houseName,
    'house-folder': houseFolder,
    'explicit-inject': explicitInject,
    'narrow-constructor': narrowConstructor,
  },
};
