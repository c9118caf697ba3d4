import { Button, Group, Modal } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useInfiniteQuery, useMutation } from '@tanstack/react-query';
import { useRefresh } from '../api/live.ts';
import type { Mark, Target } from '../api/mutation.ts';
import { markInstance, markRun } from '../api/mutation.ts';
import { dagKey, dagsKey, runKey, taskInstancesQuery } from '../api/query.ts';
import type { TaskInstance } from '../api/shape.ts';
import { isTerminal } from '../model/task-state.ts';
import { Failure } from '../part/view-state.tsx';
import { useText } from '../text/text.ts';
import { AffectedList } from './affected-list.tsx';
import style from './dialog.module.css';

/** Sets the state of a task instance, or of a run, by a person's word. */
export function MarkDialog({ target, state, instance, onClose }: {
  readonly target: Target;
  readonly state: Mark;
  /** The instance that is marked; absent for a run. */
  readonly instance?: TaskInstance;
  readonly onClose: () => void;
}) {
  const text = useText();
  const refresh = useRefresh();
  const ofRun = useInfiniteQuery({ ...taskInstancesQuery(target.dagId, target.runId), enabled: instance === undefined });
  const marking = useMutation({
    mutationFn: () => (target.taskId === undefined ? markRun(target.dagId, target.runId, state === 'skipped' ? 'failed' : state) : markInstance({ ...target, taskId: target.taskId }, state)),
    onSuccess: async () => {
      notifications.show({ message: text.mark.done });
      onClose();
      await refresh(dagsKey, dagKey(target.dagId), runKey(target.dagId, target.runId));
    },
  });
  const affected = instance === undefined ? unfinished(ofRun.data?.pages.flatMap((page) => page.task_instances) ?? []) : [instance];
  const what = target.taskId === undefined ? target.runId : target.mapIndex < 0 ? target.taskId : `${target.taskId}[${target.mapIndex}]`;
  return (
    <Modal opened onClose={onClose} size="lg" title={text.mark.title(what, text.state[state])} closeButtonProps={{ 'aria-label': text.word.close }} data-testid="mark-dialog">
      <div className={style.form}>
        <p className={style.hint}>{target.taskId === undefined ? text.mark.runHint : text.mark.hint}</p>
        <AffectedList instances={affected} />
        {marking.error !== null && <Failure failure={marking.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>{text.word.cancel}</Button>
          <Button data-autofocus loading={marking.isPending} onClick={() => marking.mutate()}>{text.mark.submit}</Button>
        </Group>
      </div>
    </Modal>
  );
}

const unfinished = (instances: readonly TaskInstance[]): readonly TaskInstance[] => instances.filter((one) => !isTerminal(one.state));
