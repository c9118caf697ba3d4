const NAMED: { readonly [name: string]: string } = {
  amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\xa0', copy: '©', reg: '®', trade: '™', hellip: '…', mdash: '—', ndash: '–',
  lsquo: '‘', rsquo: '’', ldquo: '“', rdquo: '”', laquo: '«', raquo: '»', middot: '·', bull: '•', euro: '€', pound: '£', yen: '¥', cent: '¢',
  sect: '§', para: '¶', deg: '°', plusmn: '±', times: '×', divide: '÷', frac12: '½', frac14: '¼', larr: '←', rarr: '→', uarr: '↑', darr: '↓',
};

/** Numbers and the usual names of HTML entities as the characters they stand for; the rest is left as it is. */
export const unescapeHtml = (text: string): string =>
  text.replace(/&(#\d{1,7};?|#[xX][\da-fA-F]{1,6};?|\w{2,8};)/g, (whole, entity: string) => {
    if (!entity.startsWith('#')) return NAMED[entity.slice(0, -1)] ?? whole;
    const digits = entity.replace(/[#;]/g, '');
    const code = /^[xX]/.test(digits) ? parseInt(digits.slice(1), 16) : Number(digits);
    return code === 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) ? '\ufffd' : String.fromCodePoint(code);
  });
