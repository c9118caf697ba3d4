import { styleText } from 'node:util';

/** What a command touches of the process it runs in; tests hand in their own. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where relative paths of the command line begin. */
  readonly cwd: string;
  /** Of the installation: where dist/ lies. */
  readonly root: string;
  /** Whether stdout is looked at by a person. Without one, nothing is coloured. */
  readonly isTty: boolean;
  /** Data. */
  out(text: string): void;
  /** Everything else. */
  err(text: string): void;
  /** All of stdin, for `@-` and `--password-stdin`. */
  readStdin(): Promise<string>;
  /** Asked on the terminal without echo; null when there is none. */
  askSecret(question: string): Promise<string | null>;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}

type Colour = 'green' | 'red' | 'yellow' | 'cyan' | 'gray';

const STATE_COLOURS: Readonly<Record<string, Colour>> = {
  success: 'green', failed: 'red', upstream_failed: 'red', error: 'red', critical: 'red', running: 'cyan', restarting: 'cyan', queued: 'yellow', scheduled: 'yellow',
  up_for_retry: 'yellow', up_for_reschedule: 'yellow', deferred: 'yellow', awaiting_input: 'yellow', warning: 'yellow', skipped: 'gray', removed: 'gray', none: 'gray', debug: 'gray',
};

/** A state or level in its colour, where colours are wanted: on a terminal, unless `NO_COLOR` is set. */
export function coloured(terminal: Pick<Terminal, 'isTty' | 'env'>, state: string, text = state): string {
  const colour = STATE_COLOURS[state];
  const isPlain = !terminal.isTty || (terminal.env['NO_COLOR'] ?? '') !== '' || terminal.env['TERM'] === 'dumb';
  return isPlain || colour === undefined ? text : styleText(colour, text, { validateStream: false });
}

/** A text of somebody else's on a line of its own: it cannot move the cursor, retitle the window or begin another line. */
export const oneLine = (text: string): string =>
  text.replaceAll(/\u001B\[[0-9;]*m/g, '').replaceAll(/[\u0000-\u0008\u000B-\u001F\u007F-\u009F]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`).replaceAll(/\s*\n\s*/g, ' ');
