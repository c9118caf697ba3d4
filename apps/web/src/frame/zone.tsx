import type { ReactNode } from 'react';
import { createContext, use } from 'react';
import { usePreference } from './preference.ts';

const DagZone = createContext<string | null>(null);

/** Everything inside belongs to a DAG of this zone, so the choice "the DAG's" means it. */
export function DagZoneProvider({ zone, children }: { readonly zone: string | null | undefined; readonly children: ReactNode }) {
  return <DagZone value={zone ?? null}>{children}</DagZone>;
}

export const browserZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone;

/** IANA name of the zone that instants are written in here. Outside a DAG, "the DAG's" reads as the browser's own. */
export function useZone(): string {
  const { zone } = usePreference();
  const dagZone = use(DagZone);
  if (zone === 'utc') return 'UTC';
  return zone === 'dag' && dagZone !== null ? dagZone : browserZone();
}
