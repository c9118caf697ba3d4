import { ActionIcon, Menu, SegmentedControl, useComputedColorScheme, useMantineColorScheme } from '@mantine/core';
import IconLanguage from '@tabler/icons-react/icons/IconLanguage';
import IconLogout from '@tabler/icons-react/icons/IconLogout';
import IconMoon from '@tabler/icons-react/icons/IconMoon';
import IconSun from '@tabler/icons-react/icons/IconSun';
import { Link, useNavigate, useParams, useRouterState } from '@tanstack/react-router';
import { signOut } from '../api/mutation.ts';
import { zoneOffset } from '../model/time-format.ts';
import { useText } from '../text/text.ts';
import { LiveDot } from './live-dot.tsx';
import type { ZoneChoice } from './preference.ts';
import { setPreference, usePreference } from './preference.ts';
import style from './top-bar.module.css';
import { useZone } from './zone.tsx';

export function TopBar({ dagZone }: { readonly dagZone: string | null }) {
  return (
    <header className={style.bar}>
      <Breadcrumb />
      <div className={style.controls}>
        <LiveDot />
        <ZoneSwitch dagZone={dagZone} />
        <LanguageMenu />
        <ThemeMenu />
        <SignOut />
      </div>
    </header>
  );
}

function Breadcrumb() {
  const text = useText();
  const pathname = useRouterState({ select: (state) => state.location.pathname });
  const { dagId, runId, taskId } = useParams({ strict: false });
  if (dagId === undefined) {
    const title = { '/': text.home.title, '/dags': text.dags.title, '/runs': text.frame.runs, '/import-errors': text.importError.title }[pathname] ?? '';
    return <div className={style.crumbs}><span className={style.here}>{title}</span></div>;
  }
  return (
    <nav className={style.crumbs} aria-label={text.frame.breadcrumb}>
      <Link to="/dags">{text.dags.title}</Link>
      <span aria-hidden>/</span>
      {runId === undefined ? <span className={style.here}>{dagId}</span> : <Link to="/dags/$dagId" params={{ dagId }}>{dagId}</Link>}
      {runId !== undefined && (
        <>
          <span aria-hidden>/</span>
          {taskId === undefined ? <span className={style.here}>{runId}</span> : <Link to="/dags/$dagId/runs/$runId" params={{ dagId, runId }}>{runId}</Link>}
        </>
      )}
      {taskId !== undefined && <><span aria-hidden>/</span><span className={style.here}>{taskId}</span></>}
    </nav>
  );
}

function ZoneSwitch({ dagZone }: { readonly dagZone: string | null }) {
  const text = useText();
  const preference = usePreference();
  const zone = useZone();
  // Outside a DAG there is no zone of its own to choose, and the choice reads as the browser's.
  const choices: { readonly value: ZoneChoice; readonly label: string }[] = [
    { value: 'utc', label: text.frame.zoneUtc },
    { value: 'mine', label: text.frame.zoneMine },
    ...(dagZone === null ? [] : [{ value: 'dag' as const, label: text.frame.zoneDag }]),
  ];
  const chosen = dagZone === null && preference.zone === 'dag' ? 'mine' : preference.zone;
  return (
    <div className={style.zone}>
      <span className="soft nowrap" data-testid="zone" title={zone}>{zone === 'UTC' ? '+00:00' : `${zone.split('/').at(-1)?.replaceAll('_', ' ')} ${zoneOffset(Date.now(), zone)}`}</span>
      <SegmentedControl size="xs" aria-label={text.frame.zone} data={choices} value={chosen} onChange={(value) => setPreference({ zone: value as ZoneChoice })} />
    </div>
  );
}

function LanguageMenu() {
  const text = useText();
  const { language } = usePreference();
  return (
    <Menu position="bottom-end" width={140}>
      <Menu.Target><ActionIcon aria-label={text.frame.language}><IconLanguage size={18} stroke={1.6} /></ActionIcon></Menu.Target>
      <Menu.Dropdown>
        {([['en', 'English'], ['ko', '한국어']] as const).map(([code, name]) => (
          <Menu.Item key={code} lang={code} aria-current={language === code} fw={language === code ? 600 : 400} onClick={() => setPreference({ language: code })}>{name}</Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

function ThemeMenu() {
  const text = useText();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const shown = useComputedColorScheme('light');
  const choices = [['light', text.frame.light], ['dark', text.frame.dark], ['auto', text.frame.system]] as const;
  return (
    <Menu position="bottom-end" width={140}>
      <Menu.Target><ActionIcon aria-label={text.frame.theme}>{shown === 'dark' ? <IconMoon size={18} stroke={1.6} /> : <IconSun size={18} stroke={1.6} />}</ActionIcon></Menu.Target>
      <Menu.Dropdown>
        {choices.map(([value, label]) => (
          <Menu.Item key={value} aria-current={colorScheme === value} fw={colorScheme === value ? 600 : 400} onClick={() => setColorScheme(value)}>{label}</Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

function SignOut() {
  const text = useText();
  const navigate = useNavigate();
  return (
    <ActionIcon aria-label={text.frame.signOut} onClick={() => void signOut().finally(() => void navigate({ to: '/sign-in' }))}>
      <IconLogout size={18} stroke={1.6} />
    </ActionIcon>
  );
}
