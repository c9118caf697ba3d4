import { getRouteApi } from '@tanstack/react-router';
import { RunView } from '../detail/run-view.tsx';

const route = getRouteApi('/dags/$dagId/runs/$runId');

export function RunPage() {
  const { dagId, runId } = route.useParams();
  const { tab } = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <RunView
      dagId={dagId} runId={runId} tab={tab} onTab={(next) => void navigate({ search: { tab: next }, replace: true })}
      onTask={(taskId, mapIndex) => void navigate({ to: '/dags/$dagId/runs/$runId/tasks/$taskId', params: { dagId, runId, taskId }, search: mapIndex < 0 ? {} : { map: mapIndex } })}
    />
  );
}
