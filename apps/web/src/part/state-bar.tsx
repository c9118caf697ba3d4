import type { TaskState } from '../model/task-state.ts';
import { isTerminal, WORST_FIRST } from '../model/task-state.ts';
import { useText } from '../text/text.ts';
import style from './state-bar.module.css';

/** A run's task instances by state, as one line: what is done stands left, what is to come stands right. */
export function StateBar({ counts }: { readonly counts: Readonly<Partial<Record<TaskState, number>>> }) {
  const text = useText();
  const states = WORST_FIRST.toReversed().filter((state) => (counts[state] ?? 0) > 0).sort((a, b) => Number(isTerminal(b)) - Number(isTerminal(a)));
  if (states.length === 0) return null;
  const total = states.reduce((sum, state) => sum + (counts[state] ?? 0), 0);
  const done = states.filter(isTerminal).reduce((sum, state) => sum + (counts[state] ?? 0), 0);
  return (
    <div className={style.bar} role="img" aria-label={`${text.run.tasksSummary(done, total)}: ${states.map((state) => `${counts[state]} ${text.state[state]}`).join(', ')}`} title={text.run.tasksSummary(done, total)} data-testid="state-bar">
      {states.map((state) => <span key={state} style={{ flexGrow: counts[state], background: `var(--state-${state})` }} />)}
    </div>
  );
}
