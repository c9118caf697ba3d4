import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { dagQuery } from '../api/query.ts';
import { DagFacts } from '../detail/dag-facts.tsx';
import { SkeletonRows } from '../part/view-state.tsx';

const route = getRouteApi('/dags/$dagId/details');

/** The page above says what went wrong when the DAG cannot be read. */
export function DagDetailsPage() {
  const { dagId } = route.useParams();
  const dag = useQuery(dagQuery(dagId));
  if (dag.data !== undefined) return <DagFacts dag={dag.data} />;
  return dag.error === null ? <SkeletonRows rows={10} height={32} /> : null;
}
