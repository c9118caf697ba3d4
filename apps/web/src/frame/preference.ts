import { useSyncExternalStore } from 'react';

/** What a person chose about how the page reads; kept in the browser, and never part of a URL that others open. */
interface Preference {
  readonly language: 'en' | 'ko';
  readonly zone: ZoneChoice;
  readonly railFolded: boolean;
  readonly logWrap: boolean;
}

export type ZoneChoice = 'utc' | 'mine' | 'dag';

const STORAGE_KEY = 'dagbook.preference';

const first: Preference = {
  language: navigator.language.startsWith('ko') ? 'ko' : 'en',
  zone: 'dag',
  railFolded: false,
  logWrap: false,
};

let current: Preference = { ...first, ...stored() };
const listeners = new Set<() => void>();

function stored(): Partial<Preference> {
  try {
    return JSON.parse(localStorage.getItem(STORAGE_KEY) ?? '{}') as Partial<Preference>;
  } catch {
    return {};
  }
}

export function setPreference(change: Partial<Preference>): void {
  current = { ...current, ...change };
  try {
    localStorage.setItem(STORAGE_KEY, JSON.stringify(current));
  } catch {
    // A browser that keeps nothing still honours the choice until it is closed.
  }
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export const usePreference = (): Preference => useSyncExternalStore(subscribe, () => current);
