import { useLiveState } from '../api/live.ts';
import { duration } from '../model/time-format.ts';
import { useNow } from '../part/instant.tsx';
import { useText } from '../text/text.ts';
import style from './live-dot.module.css';

/** Whether what is on screen is current: streaming, catching up, or offline and for how long. */
export function LiveDot() {
  const text = useText();
  const { state, sinceMs } = useLiveState();
  const nowMs = useNow(state === 'offline');
  const label = {
    streaming: text.live.streaming,
    catching_up: text.live.catchingUp,
    offline: text.live.offline(duration(Math.floor((nowMs - sinceMs) / 1_000) * 1_000)),
  }[state];
  return (
    <span className={style.live} data-state={state} data-testid="live-dot" role="status" title={state === 'offline' ? text.live.offlineHint : text.live.streamingHint}>
      <span className={style.dot} aria-hidden />
      {label}
    </span>
  );
}
