import { useQuery } from '@tanstack/react-query';
import { upstreamAssetEventsQuery } from '../api/query.ts';
import { Instant } from '../part/instant.tsx';
import { Reading } from '../part/view-state.tsx';
import { useText } from '../text/text.ts';

/** Lines that a pane has room for; the rest is counted. */
const SHOWN = 20;

/** The updates of assets that a run was made for, newest first, and how many more there were. */
export function AssetUpdates({ dagId, runId }: { readonly dagId: string; readonly runId: string }) {
  const text = useText();
  const read = useQuery(upstreamAssetEventsQuery(dagId, runId));
  return (
    <Reading read={read} rows={2}>
      {({ asset_events: events, total_entries: total, omitted_entries: omitted }) => (
        <div data-testid="asset-updates">
          {events.toReversed().slice(0, SHOWN).map((event) => (
            <div key={event.id}><Instant at={event.timestamp} /> {event.name}{event.source_dag_id !== null && <span className="soft"> {event.source_dag_id}.{event.source_task_id}</span>}</div>
          ))}
          {total > SHOWN && <div className="soft">{text.run.moreUpdates(total - SHOWN)}</div>}
          {omitted > 0 && <div data-testid="omitted-updates">{text.run.omittedUpdates(omitted)}</div>}
        </div>
      )}
    </Reading>
  );
}
