import { getRouteApi } from '@tanstack/react-router';
import { TaskInstanceView } from '../detail/task-instance-view.tsx';

const route = getRouteApi('/dags/$dagId/runs/$runId/tasks/$taskId');

export function TaskInstancePage() {
  const { dagId, runId, taskId } = route.useParams();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <TaskInstanceView
      dagId={dagId} runId={runId} taskId={taskId} mapIndex={search.map ?? -1} tryNumber={search.try} tab={search.tab}
      onTab={(tab) => void navigate({ search: (now) => ({ ...now, tab }), replace: true })}
      onTry={(tryNumber) => void navigate({ search: (now) => ({ ...now, try: tryNumber }), replace: true })}
    />
  );
}
