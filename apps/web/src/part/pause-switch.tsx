import { Switch } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { useRefresh } from '../api/live.ts';
import { setPaused } from '../api/mutation.ts';
import { dagKey, dagsKey } from '../api/query.ts';
import { useText } from '../text/text.ts';
import { failureSentence } from './view-state.tsx';

/** On: the DAG is scheduled. Off: it is paused. */
export function PauseSwitch({ dagId, isPaused }: { readonly dagId: string; readonly isPaused: boolean }) {
  const text = useText();
  const refresh = useRefresh();
  const [asked, setAsked] = useState<boolean | null>(null);
  const pausing = useMutation({
    mutationFn: (paused: boolean) => setPaused(dagId, paused),
    onSuccess: () => refresh(dagsKey, dagKey(dagId)),
    onSettled: () => setAsked(null),
    onError: (failure) => notifications.show({ color: 'red', message: failureSentence(failure, text) }),
  });
  // What was asked for shows at once; the answer's state takes over when it has come.
  const shown = asked ?? isPaused;
  return (
    <Switch
      size="xs" color="accent" withThumbIndicator={false} checked={!shown} data-testid="pause-switch"
      aria-label={isPaused ? text.dags.unpause(dagId) : text.dags.pause(dagId)} onChange={(event) => {
        const paused = !event.currentTarget.checked;
        setAsked(paused);
        pausing.mutate(paused);
      }}
    />
  );
}
