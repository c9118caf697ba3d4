import { CliFailure } from '../failure.ts';
import { printOne, tableOf, type Shape } from '../format/print.ts';
import { jsonOrText, readParams } from '../input.ts';
import type { Session } from '../session.ts';
import type { TestAnswer, TestRequest } from '../test-protocol.ts';
import { askOfDag } from './test-bundle.ts';

export interface DagTestOptions {
  readonly dags: string;
  readonly date?: string;
  readonly params?: string;
  readonly set: readonly string[];
  readonly mock: readonly string[];
}

type Tested = Extract<TestAnswer, { readonly kind: 'ended' }>;

const TESTED: Shape<Omit<Tested, 'kind'>> = { id: (one) => one.dag_id, columns: { dag: (one) => one.dag_id, state: (one) => one.state } };
const TASK: Shape<Tested['tasks'][number]> = { id: (task) => task.task_id, columns: { task: (task) => task.task_id, state: (task) => task.state } };

/** Runs a DAG here by `dag.test`. */
export async function testDag(session: Session, dagId: string, options: DagTestOptions): Promise<void> {
  const { terminal } = session;
  const params = await readParams(terminal, options.params, options.set);
  const answer = await askOfDag(session, { dagId, dags: options.dags }, { params, mocks: options.mock.map(readMock), ...(options.date === undefined ? {} : { logicalDate: options.date }) });
  const { kind: _, ...tested } = answer as Tested;
  printOne(terminal, session.format, tested, TESTED, tableOf(terminal, tested.tasks, TASK));
  if (tested.state === 'failed') throw new CliFailure('failed', `The test run of ${dagId} failed.`);
}

function readMock(text: string): TestRequest['mocks'][number] {
  const equals = text.indexOf('=');
  if (equals < 1) throw new CliFailure('usage', `--mock "${text}" names no task and answer.`, `Give it like --mock fetch='{"rows": 3}'.`);
  return { taskId: text.slice(0, equals), value: jsonOrText(text.slice(equals + 1)) };
}
