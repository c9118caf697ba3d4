import { getRouteApi } from '@tanstack/react-router';
import { RunTable } from '../detail/run-table.tsx';

const route = getRouteApi('/runs');

export function RunListPage() {
  const navigate = route.useNavigate();
  return <RunTable search={route.useSearch()} onSearch={(search) => void navigate({ search, replace: true })} />;
}
