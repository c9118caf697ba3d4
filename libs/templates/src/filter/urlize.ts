import { raise } from '../error.ts';
import type { Runtime } from '../runtime.ts';
import { iterate, truth } from '../value/operator.ts';
import { codePointLength, codePointSlice, escapeHtml, words } from '../value/text.ts';
import { indexOf, isText, Markup, textOf } from '../value/value.ts';
import type { Value } from '../value/value.ts';

const LINK = /^((https?:\/\/|www\.)(([\p{L}\p{N}_%-]+\.)+)?([a-z]{2,63}|xn--[\p{L}\p{N}_%]{2,59})|([\p{L}\p{N}_%-]{2,63}\.)+(com|net|int|edu|gov|org|info|mil)|(https?:\/\/)((\d{1,3}(\.\d{1,3}){3})|(\[([\da-f]{0,4}:){2}([\da-f]{0,4}:?){1,6}\])))(?::\d{1,5})?(?:[/?#]\S*)?$/iu;
const EMAIL = /^\S+@[\p{L}\p{N}_][\p{L}\p{N}_.-]*\.[\p{L}\p{N}_]+$/u;
const BRACKETS = [['(', ')'], ['<', '>'], ['&lt;', '&gt;']] as const;

/** Links for what reads as a URL or an address in a text. */
export function urlize(value: Value, [limit = null, nofollow = false, target = null, rel = null, schemes = null]: readonly (Value | undefined)[], rt: Runtime, autoescape: boolean): Value {
  const rels = new Set([...words(rel === null ? '' : rt.str(rel)), ...(truth(nofollow, rt) ? ['nofollow'] : []), 'noopener']);
  const attributes = ` rel="${escapeHtml([...rels].sort().join(' '))}"${target === null || !truth(target, rt) ? '' : ` target="${escapeHtml(rt.str(target))}"`}`;
  const extra = schemes === null ? [] : [...iterate(schemes, rt)].map((scheme) => rt.str(scheme));
  const wrong = extra.find((scheme) => !/^[\w+.-]{2,}:(\/){0,2}$/.test(scheme));
  if (wrong !== undefined) raise('FilterArgumentError', `${rt.repr(wrong)} is not a valid URI scheme prefix.`);
  const most = limit === null ? Infinity : indexOf(limit);
  const shown = (url: string): string => (codePointLength(url) > most ? `${codePointSlice(url, 0, most)}...` : url);
  const anchor = (href: string, text: string): string => `<a href="${href}"${attributes}>${text}</a>`;
  const link = (middle: string): string => {
    if (LINK.test(middle)) return anchor(/^https?:\/\//.test(middle) ? middle : `https://${middle}`, shown(middle));
    if (middle.startsWith('mailto:') && EMAIL.test(middle.slice(7))) return `<a href="${middle}">${middle.slice(7)}</a>`;
    if (middle.includes('@') && !middle.startsWith('www.') && !middle.slice(1).includes(':') && !middle.startsWith('@') && EMAIL.test(middle)) return `<a href="mailto:${middle}">${middle}</a>`;
    return extra.some((scheme) => middle !== scheme && middle.startsWith(scheme)) ? anchor(middle, middle) : middle;
  };
  const source = value instanceof Markup ? value.text : escapeHtml(isText(value) ? textOf(value) : rt.str(value));
  const text = source.split(/(\s+)/).map((word) => linkWord(word, link)).join('');
  rt.allocate(text.length);
  return autoescape ? new Markup(text) : text;
}

/** The link without the brackets and the punctuation around it. */
function linkWord(word: string, link: (middle: string) => string): string {
  const head = /^([(<]|&lt;)+/.exec(word)?.[0] ?? '';
  let middle = word.slice(head.length);
  // Asked first, so that a long text that ends in something else is not searched from every one of its brackets.
  let tail = /(?:[)>.,\n]|&gt;)$/.test(middle) ? (/([)>.,\n]|&gt;)+$/.exec(middle)?.[0] ?? '') : '';
  middle = middle.slice(0, middle.length - tail.length);
  for (const [open, close] of BRACKETS) {
    const missing = middle.split(open).length - middle.split(close).length;
    if (missing <= 0) continue;
    for (let left = Math.min(middle.split(open).length - 1, tail.split(close).length - 1); left > 0; left--) {
      const end = tail.indexOf(close) + close.length;
      middle += tail.slice(0, end);
      tail = tail.slice(end);
    }
  }
  return head + link(middle) + tail;
}
