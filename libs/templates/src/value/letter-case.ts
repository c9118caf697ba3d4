/** Upper, lower and title case by code point, without a locale, as Python has them. */
export const upperText = (text: string): string => text.toUpperCase();
export const lowerText = (text: string): string => text.toLowerCase();

const CASED = /\p{Cased}/u;
/** The letters whose title case is not their upper case. */
const TITLE: { readonly [letter: string]: string } = { ǆ: 'ǅ', Ǆ: 'ǅ', ǅ: 'ǅ', ǉ: 'ǈ', Ǉ: 'ǈ', ǈ: 'ǈ', ǌ: 'ǋ', Ǌ: 'ǋ', ǋ: 'ǋ', ǳ: 'ǲ', Ǳ: 'ǲ', ǲ: 'ǲ', ß: 'Ss', ﬀ: 'Ff', ﬁ: 'Fi', ﬂ: 'Fl', ﬃ: 'Ffi', ﬄ: 'Ffl', ﬅ: 'St', ﬆ: 'St' };

/** Each letter after one without case is a capital, every other one small. */
export function titleText(text: string): string {
  let titled = '';
  let afterCased = false;
  for (const point of text) {
    titled += afterCased ? point.toLowerCase() : (TITLE[point] ?? point.toUpperCase());
    afterCased = CASED.test(point);
  }
  return titled;
}
