// Begins a run of another DAG, hands it a message, and waits until it has ended.
import { dag, triggerDag } from '@dagbook/sdk';

const d = dag('example_trigger_controller_dag', { schedule: '@once', startDate: '2021-01-01', tags: ['example'] });

const begun = d.sensor('trigger_dagrun', triggerDag({
  dagId: 'example_trigger_target_dag', conf: { message: 'Hello World' }, waitForCompletion: true,
}), { every: '1s', mode: 'reschedule' })();
d.task('say_how_it_ended', async ({ state }: { state: string }, { log }) => log.info(`the other run ended: ${state}`))({ state: begun.get('state') });
export default d;
