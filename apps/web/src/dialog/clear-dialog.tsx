import { Button, Checkbox, Group, Modal } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { keepPreviousData, useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useRefresh } from '../api/live.ts';
import type { ClearChoice, Target } from '../api/mutation.ts';
import { clear } from '../api/mutation.ts';
import { dagKey, dagsKey, runKey } from '../api/query.ts';
import { Failure, Reading } from '../part/view-state.tsx';
import { useText } from '../text/text.ts';
import { AffectedList } from './affected-list.tsx';
import style from './dialog.module.css';

/** Runs task instances again; what that would be is asked of the gateway (dry run) at every change of the choice. */
export function ClearDialog({ target, onClose }: { readonly target: Target; readonly onClose: () => void }) {
  const text = useText();
  const refresh = useRefresh();
  const wholeRun = target.taskId === undefined;
  const [choice, setChoice] = useState<ClearChoice>({ include_upstream: false, include_downstream: true, only_failed: false });
  const dryRun = useQuery({ queryKey: [...runKey(target.dagId, target.runId), 'clearDryRun', target, choice], queryFn: () => clear(target, choice, true), staleTime: 0, placeholderData: keepPreviousData });
  const clearing = useMutation({
    mutationFn: () => clear(target, choice, false),
    onSuccess: async () => {
      notifications.show({ message: text.clear.done });
      onClose();
      await refresh(dagsKey, dagKey(target.dagId), runKey(target.dagId, target.runId));
    },
  });
  const options: readonly (readonly [keyof ClearChoice, string])[] = wholeRun
    ? [['only_failed', text.clear.onlyFailed]]
    : [['include_upstream', text.clear.upstream], ['include_downstream', text.clear.downstream], ['only_failed', text.clear.onlyFailed]];
  const what = target.taskId === undefined ? target.runId : target.mapIndex < 0 ? target.taskId : `${target.taskId}[${target.mapIndex}]`;
  return (
    <Modal opened onClose={onClose} size="lg" title={text.clear.title(what)} closeButtonProps={{ 'aria-label': text.word.close }} data-testid="clear-dialog">
      <div className={style.form}>
        <Group gap="md" role="group" aria-label={text.clear.include}>
          {options.map(([name, label]) => <Checkbox key={name} size="xs" label={label} checked={choice[name]} onChange={(event) => setChoice({ ...choice, [name]: event.currentTarget.checked })} />)}
        </Group>
        <Reading read={dryRun} rows={4} rowHeight={28}>
          {({ task_instances, total_entries }) => (
            <>
              <p>{total_entries === 0 ? text.clear.nothing : text.clear.affected(total_entries)}</p>
              <AffectedList instances={task_instances} />
            </>
          )}
        </Reading>
        {clearing.error !== null && <Failure failure={clearing.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>{text.word.cancel}</Button>
          <Button data-autofocus loading={clearing.isPending} disabled={(dryRun.data?.total_entries ?? 0) === 0} onClick={() => clearing.mutate()}>{text.clear.submit}</Button>
        </Group>
      </div>
    </Modal>
  );
}
