import { Button, Group, Modal, Textarea, TextInput } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useRefresh } from '../api/live.ts';
import { triggerRun } from '../api/mutation.ts';
import { dagKey, dagQuery, dagsKey } from '../api/query.ts';
import { browserZone } from '../frame/zone.tsx';
import { usePreference } from '../frame/preference.ts';
import { parseConf } from '../model/conf.ts';
import { instantOfWallClock } from '../model/time-format.ts';
import { Failure } from '../part/view-state.tsx';
import { useText } from '../text/text.ts';
import style from './dialog.module.css';

/** Starts a run by hand: conf laid over the DAG's params, and a logical date or none. */
export function TriggerDialog({ dagId, isPaused, onClose, onTriggered }: { readonly dagId: string; readonly isPaused: boolean; readonly onClose: () => void; readonly onTriggered?: (runId: string) => void }) {
  const text = useText();
  const refresh = useRefresh();
  const preference = usePreference();
  const details = useQuery(dagQuery(dagId));
  const [typedConf, setTypedConf] = useState<string | null>(null);
  const [logicalDate, setLogicalDate] = useState('');
  const [runId, setRunId] = useState('');
  const [note, setNote] = useState('');
  const zone = preference.zone === 'utc' ? 'UTC' : preference.zone === 'dag' ? (details.data?.timezone ?? browserZone()) : browserZone();
  const conf = typedConf ?? (Object.keys(details.data?.params ?? {}).length > 0 ? JSON.stringify(details.data?.params, null, 2) : '{}');
  const parsed = parseConf(conf);
  const triggering = useMutation({
    mutationFn: () => triggerRun(dagId, {
      conf: parsed.ok ? parsed.conf : {},
      logical_date: logicalDate === '' ? null : new Date(instantOfWallClock(logicalDate, zone)).toISOString(),
      ...(runId === '' ? {} : { dag_run_id: runId }),
      ...(note === '' ? {} : { note }),
    }),
    onSuccess: async (run) => {
      notifications.show({ message: text.trigger.done(run.dag_run_id) });
      onTriggered?.(run.dag_run_id);
      onClose();
      await refresh(dagsKey, dagKey(dagId));
    },
  });
  return (
    <Modal opened onClose={onClose} title={text.trigger.title(dagId)} closeButtonProps={{ 'aria-label': text.word.close }} data-testid="trigger-dialog">
      <form className={style.form} onSubmit={(event) => { event.preventDefault(); if (parsed.ok) triggering.mutate(); }}>
        {isPaused && <p className={style.hint}>{text.trigger.paused}</p>}
        <Textarea
          label={text.trigger.conf} description={text.trigger.confHint} autosize minRows={4} maxRows={16} value={conf} onChange={(event) => setTypedConf(event.currentTarget.value)}
          classNames={{ input: 'mono' }} spellCheck={false} data-autofocus error={parsed.ok ? undefined : `${text.trigger.confBad} ${parsed.reason}`}
        />
        <TextInput type="datetime-local" label={text.trigger.logicalDate} description={text.trigger.logicalDateHint(zone)} value={logicalDate} onChange={(event) => setLogicalDate(event.currentTarget.value)} />
        <Group grow align="flex-start">
          <TextInput label={text.trigger.runId} placeholder={text.trigger.runIdHint} value={runId} onChange={(event) => setRunId(event.currentTarget.value.trim())} />
          <TextInput label={text.trigger.note} value={note} maxLength={1000} onChange={(event) => setNote(event.currentTarget.value)} />
        </Group>
        {triggering.error !== null && <Failure failure={triggering.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>{text.word.cancel}</Button>
          <Button type="submit" loading={triggering.isPending} disabled={!parsed.ok}>{text.trigger.submit}</Button>
        </Group>
      </form>
    </Modal>
  );
}
