import { getRouteApi } from '@tanstack/react-router';
import { RunTable } from '../detail/run-table.tsx';

const route = getRouteApi('/dags/$dagId/runs');

export function DagRunsPage() {
  const { dagId } = route.useParams();
  const navigate = route.useNavigate();
  return <RunTable dagId={dagId} search={route.useSearch()} onSearch={(search) => void navigate({ search, replace: true })} />;
}
