import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { sourceQuery } from '../api/query.ts';
import { Empty, Reading } from '../part/view-state.tsx';
import { useText } from '../text/text.ts';
import style from './dag-code-page.module.css';

const route = getRouteApi('/dags/$dagId/code');

export function DagCodePage() {
  const text = useText();
  const { dagId } = route.useParams();
  const source = useQuery(sourceQuery(dagId));
  return (
    <Reading read={source} rows={16} rowHeight={20}>
      {({ content, version_number }) => (content === null ? <Empty title={text.dag.noCode} /> : (
        <>
          {version_number !== null && <p className={`soft ${style.version}`}>{text.dag.version(version_number)}</p>}
          <pre className={style.code} tabIndex={0} data-testid="code">
            <code>{content.replace(/\n$/, '').split('\n').map((line, index) => <span key={index} className={style.line}>{line}{'\n'}</span>)}</code>
          </pre>
        </>
      ))}
    </Reading>
  );
}
