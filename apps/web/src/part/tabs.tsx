import type { ReactNode } from 'react';
import style from './tabs.module.css';

/** A row of links (or buttons) that choose a view; the place to be stays in the URL, so each tab is a link of its page. */
export function TabBar({ label, children, end }: { readonly label: string; readonly children: ReactNode; readonly end?: ReactNode }) {
  return (
    <div className={style.bar}>
      <nav className={style.tabs} aria-label={label}>{children}</nav>
      {end !== undefined && <div className={style.end}>{end}</div>}
    </div>
  );
}

export const tabClass = style.tab;
