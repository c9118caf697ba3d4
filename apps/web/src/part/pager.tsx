import { ActionIcon } from '@mantine/core';
import IconChevronLeft from '@tabler/icons-react/icons/IconChevronLeft';
import IconChevronRight from '@tabler/icons-react/icons/IconChevronRight';
import { PAGE_SIZE } from '../api/query.ts';
import { useText } from '../text/text.ts';
import style from './pager.module.css';

export function Pager({ page, total, onPage }: { readonly page: number; readonly total: number; readonly onPage: (page: number) => void }) {
  const text = useText();
  if (total <= PAGE_SIZE && page === 0) return null;
  const first = page * PAGE_SIZE + 1;
  const last = Math.min(total, first + PAGE_SIZE - 1);
  return (
    <nav className={style.pager} aria-label={text.word.range(first, last, total)}>
      <span className="soft">{text.word.range(first, last, total)}</span>
      <ActionIcon aria-label={text.word.previous} disabled={page === 0} onClick={() => onPage(page - 1)}><IconChevronLeft size={16} /></ActionIcon>
      <ActionIcon aria-label={text.word.next} disabled={last >= total} onClick={() => onPage(page + 1)}><IconChevronRight size={16} /></ActionIcon>
    </nav>
  );
}
