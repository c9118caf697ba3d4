import { Link } from '@tanstack/react-router';
import { Empty } from '../part/view-state.tsx';
import { useText } from '../text/text.ts';

export function NotFoundPage() {
  const text = useText();
  return <Empty title={text.problem.notFound}><Link to="/dags">{text.problem.backToDags}</Link></Empty>;
}
