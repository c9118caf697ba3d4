import { useQuery } from '@tanstack/react-query';
import { importErrorsQuery } from '../api/query.ts';
import { Instant } from '../part/instant.tsx';
import { Empty, Reading } from '../part/view-state.tsx';
import { useText } from '../text/text.ts';
import style from './import-error-page.module.css';

export function ImportErrorPage() {
  const text = useText();
  const importErrors = useQuery(importErrorsQuery);
  return (
    <Reading read={importErrors} rows={4} rowHeight={64}>
      {({ import_errors }) => (import_errors.length === 0 ? <Empty title={text.importError.none} /> : (
        <>
          <p className={`soft ${style.hint}`}>{text.importError.hint}</p>
          <ul data-testid="import-errors">
            {import_errors.map((one) => (
              <li key={one.import_error_id} className={style.error} data-testid="import-error" data-file={one.filename}>
                <div className={style.head}><strong>{one.filename}</strong><span className="soft">{text.importError.at} <Instant at={one.timestamp} relative /></span></div>
                <pre className="mono" tabIndex={0}>{one.stack_trace}</pre>
              </li>
            ))}
          </ul>
        </>
      ))}
    </Reading>
  );
}
