import { secretForms } from './secret-form.ts';
import { HIDDEN } from './secrets-in.ts';

/** Shorter ones would hide half of every log; Airflow's limit too. */
export const MIN_SECRET_CHARACTERS = 5;
/** Each line of a key in PEM is printed as a line of its own; its first and last say nothing. */
const NO_SECRET_LINE = /^-----/;

/**
 * Hides secrets in text, in every form that `secretForms` knows.
 *
 * State: the forms learnt so far, which only grow, and the expressions made of them when text is next read.
 */
export class SecretMask {
  readonly #forms = new Set<string>();
  #longest = 0;
  #any: RegExp | undefined;
  #each: RegExp | undefined;

  /** Characters of the longest form: so much of an unfinished text may be the beginning of one. */
  get longest(): number {
    return this.#longest;
  }

  /** False: it is too short, and stays visible. Of several lines each is hidden by itself as well. */
  add(secret: string): boolean {
    if (secret.length < MIN_SECRET_CHARACTERS) return false;
    const lines = secret.split(/\r?\n/).filter((line) => line.length >= MIN_SECRET_CHARACTERS && !NO_SECRET_LINE.test(line));
    for (const form of [secret, ...lines].flatMap(secretForms)) {
      if (form.length < MIN_SECRET_CHARACTERS) continue;
      this.#forms.add(form);
      this.#longest = Math.max(this.#longest, form.length);
    }
    this.#any = undefined;
    return true;
  }

  mask(text: string): string {
    if (this.#forms.size === 0 || !this.#anywhere().test(text)) return text;
    let masked = '';
    let at = 0;
    let hiddenTo = -1;
    // Secrets may overlap: what any of them covers is hidden.
    for (const { index, 1: form } of text.matchAll(this.#each as RegExp)) {
      if (index > hiddenTo) masked += `${text.slice(at, index)}${HIDDEN}`;
      at = hiddenTo = Math.max(hiddenTo, index + (form as string).length);
    }
    return masked + text.slice(at);
  }

  /** As `mask`, of a text that was cut off: its last characters may be the first of a secret. */
  maskCut(text: string): string {
    const masked = this.mask(text);
    for (let length = Math.min(this.#longest - 1, masked.length); length >= MIN_SECRET_CHARACTERS; length -= 1) {
      const end = masked.slice(-length);
      for (const form of this.#forms) if (form.startsWith(end)) return `${masked.slice(0, -length).replace(/\*\*\*$/, '')}${HIDDEN}`;
    }
    return masked;
  }

  #anywhere(): RegExp {
    if (this.#any === undefined) {
      const alternatives = [...this.#forms].sort((a, b) => b.length - a.length || (a < b ? -1 : 1)).map((form) => form.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')).join('|');
      this.#any = new RegExp(alternatives);
      this.#each = new RegExp(`(?=(${alternatives}))`, 'g');
    }
    return this.#any;
  }
}
