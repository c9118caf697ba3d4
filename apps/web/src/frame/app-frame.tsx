import { ActionIcon } from '@mantine/core';
import IconAlertTriangle from '@tabler/icons-react/icons/IconAlertTriangle';
import IconHandStop from '@tabler/icons-react/icons/IconHandStop';
import IconHome from '@tabler/icons-react/icons/IconHome';
import IconLayoutSidebarLeftCollapse from '@tabler/icons-react/icons/IconLayoutSidebarLeftCollapse';
import IconLayoutSidebarLeftExpand from '@tabler/icons-react/icons/IconLayoutSidebarLeftExpand';
import IconListDetails from '@tabler/icons-react/icons/IconListDetails';
import IconPlug from '@tabler/icons-react/icons/IconPlug';
import IconTable from '@tabler/icons-react/icons/IconTable';
import IconVariable from '@tabler/icons-react/icons/IconVariable';
import { useQuery } from '@tanstack/react-query';
import { Link, Outlet, useParams, useRouterState } from '@tanstack/react-router';
import { useEffect } from 'react';
import { useLive } from '../api/live.ts';
import { dagQuery, importErrorsQuery, requiredActionsQuery, versionQuery } from '../api/query.ts';
import { useText } from '../text/text.ts';
import style from './app-frame.module.css';
import { setPreference, usePreference } from './preference.ts';
import { TopBar } from './top-bar.tsx';
import { DagZoneProvider } from './zone.tsx';

/** What stands around every page: rail, top bar, and the zone of the DAG that the address names. */
export function AppFrame() {
  const pathname = useRouterState({ select: (state) => state.location.pathname });
  const { language } = usePreference();
  const { dagId, runId, taskId } = useParams({ strict: false });
  useEffect(() => { document.documentElement.lang = language; }, [language]);
  useEffect(() => { document.title = [taskId, runId, dagId, 'Dagbook'].filter(Boolean).join(' · '); }, [dagId, runId, taskId]);
  return pathname === '/sign-in' ? <Outlet /> : <SignedInFrame />;
}

function SignedInFrame() {
  const text = useText();
  const { railFolded } = usePreference();
  const { dagId } = useParams({ strict: false });
  const dag = useQuery({ ...dagQuery(dagId ?? ''), enabled: dagId !== undefined });
  useLive('dags');
  return (
    <DagZoneProvider zone={dagId === undefined ? null : dag.data?.timezone}>
      <a href="#content" className={style.skip}>{text.frame.skip}</a>
      <div className={style.frame} data-folded={railFolded}>
        <Rail />
        <TopBar dagZone={dagId === undefined ? null : (dag.data?.timezone ?? null)} />
        <main id="content" className={style.content} tabIndex={-1}><Outlet /></main>
      </div>
    </DagZoneProvider>
  );
}

function Rail() {
  const text = useText();
  const { railFolded } = usePreference();
  const importErrors = useQuery(importErrorsQuery);
  const version = useQuery(versionQuery);
  const asked = useQuery(requiredActionsQuery);
  const count = importErrors.data?.total_entries ?? 0;
  const entries = [
    { to: '/', label: text.frame.home, Icon: IconHome },
    { to: '/dags', label: text.frame.dags, Icon: IconTable },
    { to: '/runs', label: text.frame.runs, Icon: IconListDetails },
    { to: '/required-actions', label: text.frame.requiredActions, Icon: IconHandStop, count: asked.data?.total_entries },
    { to: '/connections', label: text.frame.connections, Icon: IconPlug },
    { to: '/variables', label: text.frame.variables, Icon: IconVariable },
  ] as const;
  return (
    <div className={style.rail}>
      <Link to="/" className={style.brand} aria-label="Dagbook"><Brand />{!railFolded && <span>Dagbook</span>}</Link>
      <nav aria-label={text.frame.navigation} className={style.entries}>
        {entries.map(({ to, label, Icon, ...entry }) => (
          <Link key={to} to={to} className={style.entry} title={label} activeOptions={{ exact: to === '/' }}>
            <Icon size={18} stroke={1.6} aria-hidden />
            <span className={railFolded ? 'visually-hidden' : undefined}>{label}</span>
            {'count' in entry && entry.count !== undefined && entry.count > 0 && <span className={style.count} data-testid="required-action-count">{entry.count}</span>}
          </Link>
        ))}
      </nav>
      <div className={style.foot}>
        {count > 0 && (
          <Link to="/import-errors" className={style.broken} title={text.frame.importErrors(count)} data-testid="import-errors-link">
            <IconAlertTriangle size={14} color="var(--state-failed)" aria-hidden />{railFolded ? count : text.frame.importErrors(count)}
          </Link>
        )}
        {!railFolded && version.data !== undefined && <span className="soft">{text.frame.version(version.data.version)}</span>}
        <ActionIcon aria-label={railFolded ? text.frame.expand : text.frame.collapse} onClick={() => setPreference({ railFolded: !railFolded })}>
          {railFolded ? <IconLayoutSidebarLeftExpand size={18} stroke={1.6} /> : <IconLayoutSidebarLeftCollapse size={18} stroke={1.6} />}
        </ActionIcon>
      </div>
    </div>
  );
}

export function Brand({ size = 20 }: { readonly size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 20 20" aria-hidden>
      <g fill="var(--accent)">
        <rect x="1" y="2" width="5" height="5" rx="1" /><rect x="7.5" y="2" width="5" height="5" rx="1" /><rect x="14" y="2" width="5" height="5" rx="1" opacity=".35" />
        <rect x="1" y="8.5" width="5" height="5" rx="1" /><rect x="7.5" y="8.5" width="5" height="5" rx="1" opacity=".35" />
        <rect x="1" y="15" width="5" height="4" rx="1" />
      </g>
    </svg>
  );
}
