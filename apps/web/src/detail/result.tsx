import { useQuery } from '@tanstack/react-query';
import { resultQuery } from '../api/query.ts';
import type { TaskInstance } from '../api/shape.ts';
import { Empty, Reading } from '../part/view-state.tsx';
import { useText } from '../text/text.ts';

const SHOWN_CHARACTERS = 50_000;

/** What the task instance returned (XCom); values under sensitive names come hidden already. */
export function Result({ instance }: { readonly instance: TaskInstance }) {
  const text = useText();
  const result = useQuery(resultQuery(instance));
  return (
    <Reading read={result} rows={3}>
      {(found) => {
        if (found === null) return <Empty title={text.task.noResult} />;
        if (found.value === undefined) return <Empty title={text.task.resultLarge(found.bytes)} />;
        const shown = typeof found.value === 'string' ? found.value : JSON.stringify(found.value, null, 2);
        return (
          <div data-testid="result">
            <pre className="mono">{shown.slice(0, SHOWN_CHARACTERS)}</pre>
            {shown.length > SHOWN_CHARACTERS && <p className="soft">{text.task.resultCut(SHOWN_CHARACTERS, shown.length)}</p>}
          </div>
        );
      }}
    </Reading>
  );
}
