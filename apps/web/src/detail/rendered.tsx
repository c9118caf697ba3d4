import type { TaskInstance } from '../api/shape.ts';
import { Facts } from '../part/facts.tsx';
import { Empty } from '../part/view-state.tsx';
import { useText } from '../text/text.ts';

/** The templated fields of the newest try as they were rendered; secrets come hidden already. */
export function Rendered({ instance }: { readonly instance: TaskInstance }) {
  const text = useText();
  const fields = Object.entries(instance.rendered_fields);
  if (fields.length === 0) return <Empty title={text.task.noRendered} />;
  return (
    <div data-testid="rendered">
      <Facts facts={fields.map(([name, value]) => [name, <pre className="mono">{typeof value === 'string' ? value : JSON.stringify(value, null, 2)}</pre>])} />
    </div>
  );
}
