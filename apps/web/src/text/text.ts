import { usePreference } from '../frame/preference.ts';
import type { Text } from './en.ts';
import { en } from './en.ts';
import { ko } from './ko.ts';

export type { Text };

const TEXTS: Readonly<Record<'en' | 'ko', Text>> = { en, ko };

/** The page's sentences in the language that was chosen. */
export const useText = (): Text => TEXTS[usePreference().language];
