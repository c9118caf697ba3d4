import { Button, Skeleton } from '@mantine/core';
import IconAlertTriangle from '@tabler/icons-react/icons/IconAlertTriangle';
import type { ReactNode } from 'react';
import { ApiFailure } from '../api/client.ts';
import type { Text } from '../text/text.ts';
import { useText } from '../text/text.ts';
import style from './view-state.module.css';

/** What would stand here, and how to get it. */
export function Empty({ title, how, children }: { readonly title: string; readonly how?: string; readonly children?: ReactNode }) {
  return (
    <div className={style.empty} data-testid="empty">
      <p>{title}</p>
      {how !== undefined && <p className="soft">{how}</p>}
      {children}
    </div>
  );
}

/** Rows of the height that the real ones will have, so that nothing jumps. */
export function SkeletonRows({ rows, height = 36 }: { readonly rows: number; readonly height?: number }) {
  const text = useText();
  return (
    <div role="status" aria-label={text.word.loading} data-testid="skeleton">
      {Array.from({ length: rows }, (_, row) => (
        <div key={row} className={style.row} style={{ height }}>
          <Skeleton height={10} width={`${28 + ((row * 37) % 40)}%`} radius={2} />
        </div>
      ))}
    </div>
  );
}

export function failureSentence(failure: unknown, text: Text): string {
  if (!(failure instanceof ApiFailure)) return failure instanceof Error ? failure.message : String(failure);
  if (failure.status === 0) return text.problem.unreachable;
  return failure.message === '' ? text.problem.refused(failure.status) : failure.message;
}

/** The sentence, the code and a way to try again; `stale` when older data stays visible beneath. */
export function Failure({ failure, retry, stale = false }: { readonly failure: unknown; readonly retry?: () => void; readonly stale?: boolean }) {
  const text = useText();
  const code = failure instanceof ApiFailure && failure.status !== 0 ? String(failure.status) : null;
  return (
    <div className={style.failure} role="alert" data-testid="failure">
      <IconAlertTriangle size={16} color="var(--state-failed)" aria-hidden />
      <span>{failureSentence(failure, text)}{stale && ` ${text.problem.stale}`}</span>
      {code !== null && <code>{code}</code>}
      {retry !== undefined && <Button variant="default" size="compact-xs" onClick={retry}>{text.problem.retry}</Button>}
    </div>
  );
}

interface Read<T> {
  readonly data: T | undefined;
  readonly error: Error | null;
  readonly refetch: () => unknown;
}

/** One query's three faces: skeleton, failure (over stale data when there is some), or the view itself. */
export function Reading<T>({ read, rows, rowHeight, children }: {
  readonly read: Read<T>;
  readonly rows: number;
  readonly rowHeight?: number;
  readonly children: (data: T) => ReactNode;
}) {
  return (
    <>
      {read.error !== null && <Failure failure={read.error} retry={() => void read.refetch()} stale={read.data !== undefined} />}
      {read.data !== undefined && children(read.data)}
      {read.data === undefined && read.error === null && <SkeletonRows rows={rows} {...(rowHeight === undefined ? {} : { height: rowHeight })} />}
    </>
  );
}
