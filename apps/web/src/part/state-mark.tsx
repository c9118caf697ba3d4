import IconArrowUpBar from '@tabler/icons-react/icons/IconArrowUpBar';
import IconCheck from '@tabler/icons-react/icons/IconCheck';
import IconCircleDashed from '@tabler/icons-react/icons/IconCircleDashed';
import IconClockPause from '@tabler/icons-react/icons/IconClockPause';
import IconDots from '@tabler/icons-react/icons/IconDots';
import IconLoader2 from '@tabler/icons-react/icons/IconLoader2';
import IconMinus from '@tabler/icons-react/icons/IconMinus';
import IconMoon from '@tabler/icons-react/icons/IconMoon';
import IconPlayerSkipForward from '@tabler/icons-react/icons/IconPlayerSkipForward';
import IconRefresh from '@tabler/icons-react/icons/IconRefresh';
import IconRotate from '@tabler/icons-react/icons/IconRotate';
import IconSquare from '@tabler/icons-react/icons/IconSquare';
import IconUserQuestion from '@tabler/icons-react/icons/IconUserQuestion';
import IconX from '@tabler/icons-react/icons/IconX';
import type { RunState, TaskState } from '../model/task-state.ts';
import { useText } from '../text/text.ts';
import style from './state-mark.module.css';

const ICONS: Readonly<Record<TaskState, typeof IconCheck>> = {
  none: IconSquare,
  scheduled: IconCircleDashed,
  queued: IconDots,
  running: IconLoader2,
  restarting: IconRotate,
  up_for_retry: IconRefresh,
  up_for_reschedule: IconClockPause,
  deferred: IconMoon,
  awaiting_input: IconUserQuestion,
  success: IconCheck,
  failed: IconX,
  skipped: IconPlayerSkipForward,
  upstream_failed: IconArrowUpBar,
  removed: IconMinus,
};

/** A state as icon, word and colour together. `null` is Airflow's way to say that nothing has happened yet. */
export function StateMark({ state, size = 14 }: { readonly state: TaskState | RunState | null; readonly size?: number }) {
  const text = useText();
  const shown = state ?? 'none';
  return (
    <span className={style.mark} data-state={shown}>
      <StateIcon state={shown} size={size} />
      <span>{text.state[shown]}</span>
    </span>
  );
}

/** Only where the word stands beside it already. */
export function StateIcon({ state, size = 14 }: { readonly state: TaskState | RunState; readonly size?: number }) {
  const Icon = ICONS[state];
  return <Icon className={style.icon} data-state={state} size={size} stroke={2.2} color={`var(--state-${state})`} aria-hidden />;
}
