import type { ReactNode } from 'react';
import style from './facts.module.css';

/** Names and values, a timetable of one thing. A value of `undefined` leaves its row out. */
export function Facts({ facts }: { readonly facts: readonly (readonly [name: string, value: ReactNode])[] }) {
  return (
    <dl className={style.facts}>
      {facts.filter(([, value]) => value !== undefined).map(([name, value]) => (
        <div key={name} className={style.fact}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
