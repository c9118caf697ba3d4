import { raise } from '../error.ts';
import { isText, textOf, typeName } from '../value/value.ts';
import type { Value } from '../value/value.ts';
import { MONTHS, WEEKDAYS } from './calendar.ts';

type Unit = 'year' | 'month' | 'week' | 'day' | 'hour' | 'minute' | 'second' | 'microsecond';

/** How pendulum tells dates and durations in a language. */
export interface Locale {
  /** Full, short and shortest names, Monday first. */
  readonly weekdays: readonly [wide: readonly string[], short: readonly string[], shortest: readonly string[]];
  readonly months: readonly [wide: readonly string[], short: readonly string[]];
  readonly halves: readonly [am: string, pm: string];
  /** Which day the week begins with: 0 is Monday. */
  readonly firstDay: number;
  readonly formats: { readonly [token: string]: string };
  ordinal(value: number): string;
  /** `count` may be text such as `0.25`, of which `like` says whether it counts as one. */
  counted(count: bigint | string, unit: Unit, like: bigint): string;
  /** Beside now. */
  readonly relative: (text: string, future: boolean) => string;
  /** Beside another time. */
  readonly compared: (text: string, future: boolean) => string;
  /** For less than ten seconds, where there are words for it. */
  readonly fewSeconds: string | undefined;
}

function englishOrdinal(value: number): string {
  const teen = value % 100 >= 11 && value % 100 <= 13;
  return `${value}${teen ? 'th' : (['th', 'st', 'nd', 'rd'][value % 10] ?? 'th')}`;
}

const EN: Locale = {
  weekdays: [WEEKDAYS, WEEKDAYS.map((name) => name.slice(0, 3)), WEEKDAYS.map((name) => name.slice(0, 2))],
  months: [MONTHS, MONTHS.map((name) => name.slice(0, 3))],
  halves: ['AM', 'PM'],
  firstDay: 6,
  formats: { LTS: 'h:mm:ss A', LT: 'h:mm A', L: 'MM/DD/YYYY', LL: 'MMMM D, YYYY', LLL: 'MMMM D, YYYY h:mm A', LLLL: 'dddd, MMMM D, YYYY h:mm A' },
  ordinal: englishOrdinal,
  counted: (count, unit, like) => `${count} ${unit}${like === 1n ? '' : 's'}`,
  relative: (text, future) => (future ? `in ${text}` : `${text} ago`),
  compared: (text, future) => `${text} ${future ? 'after' : 'before'}`,
  fewSeconds: 'a few seconds',
};

const KO_UNITS: { readonly [unit in Unit]: string } = { year: '년', month: '개월', week: '주', day: '일', hour: '시간', minute: '분', second: '초', microsecond: '마이크로초' };
const KO_WEEKDAYS = ['월', '화', '수', '목', '금', '토', '일'];
const KO_MONTHS = MONTHS.map((_, index) => `${index + 1}월`);
const koreanRelative = (text: string, future: boolean): string => `${text} ${future ? '후' : '전'}`;

const KO: Locale = {
  weekdays: [KO_WEEKDAYS.map((name) => `${name}요일`), KO_WEEKDAYS, KO_WEEKDAYS],
  months: [KO_MONTHS, KO_MONTHS],
  halves: ['오전', '오후'],
  firstDay: 0,
  formats: { LTS: 'A h시 m분 s초', LT: 'A h시 m분', L: 'YYYY.MM.DD', LL: 'YYYY년 MMMM D일', LLL: 'YYYY년 MMMM D일 A h시 m분', LLLL: 'YYYY년 MMMM D일 dddd A h시 m분' },
  ordinal: String,
  counted: (count, unit) => `${count}${KO_UNITS[unit]}`,
  relative: koreanRelative,
  compared: koreanRelative,
  fewSeconds: undefined,
};

const LOCALES: ReadonlyMap<string, Locale> = new Map([['en', EN], ['en_us', EN], ['ko', KO], ['ko_kr', KO]]);

/** The language of a `locale` argument; English without one. ValueError for one that is not there. */
export function localeOf(value: Value | undefined): Locale {
  if (value === undefined || value === null) return EN;
  if (!isText(value)) return raise('TypeError', `expected string or bytes-like object, got '${typeName(value)}'`);
  const name = textOf(value);
  if (name === '') return EN;
  return LOCALES.get(name.toLowerCase().replace('-', '_')) ?? raise('ValueError', `Locale [${name}] does not exist.`);
}
