import type { AssetEventQuery, AttemptId, OtherRunQuery, Outcome, RunRequest, StateQuestion, Work, XComQuestion } from '@dagbook/contracts';
import type { Json } from '@dagbook/domain';
import type { BundleFolder } from '@dagbook/sdk';

/** What a runner child is given. It holds no token: its questions go through the worker, which adds it. */
export interface RunnerTask {
  readonly attemptId: AttemptId;
  readonly epoch: number;
  /** The packed code on this host. */
  readonly bundlePath: string;
  /** What goes along with it, on this host too. */
  readonly files?: BundleFolder;
  readonly work: Work;
}

/** How a task ended. `recycle`: the child is not fit for another task (it was told to end, or keeps too much code). */
export interface RunnerEnd {
  readonly outcome: Outcome;
  /** By the child's own clock: without what it waited for a processor before and after. */
  readonly ranMs: number;
  readonly recycle?: boolean;
  /** The child started processes: what they left in the pipes must be read before the log can end. */
  readonly flushStdio?: boolean;
}

export type Call =
  | { readonly id: number; readonly method: 'getResult'; readonly key: string }
  | { readonly id: number; readonly method: 'putResult'; readonly value: Json }
  /** `file` is a name in the folder of results, see `LargeResults`. */
  | { readonly id: number; readonly method: 'putLargeResult'; readonly file: string; readonly bytes: number; readonly sha256: string }
  | { readonly id: number; readonly method: 'getLargeResult'; readonly key: string }
  | { readonly id: number; readonly method: 'connection'; readonly key: string }
  | { readonly id: number; readonly method: 'variable'; readonly key: string }
  | { readonly id: number; readonly method: 'xcom'; readonly question: XComQuestion }
  | { readonly id: number; readonly method: 'previousSuccess' }
  | { readonly id: number; readonly method: 'assetEvents'; readonly query: AssetEventQuery }
  | { readonly id: number; readonly method: 'putRenderedFields'; readonly fields: { readonly [field: string]: Json } }
  | { readonly id: number; readonly method: 'requestRun'; readonly request: RunRequest }
  | { readonly id: number; readonly method: 'findRun'; readonly query: OtherRunQuery }
  | { readonly id: number; readonly method: 'state'; readonly question: StateQuestion };

export type CallAnswer =
  | { readonly id: number; readonly value: Json }
  | { readonly id: number; readonly error: { readonly message: string; readonly code?: string } };

/** What a child that hosts triggers is told; `key` names an execution of an attempt. */
export type HostOrder =
  | { readonly kind: 'begin'; readonly key: string; readonly task: RunnerTask }
  | { readonly kind: 'answer'; readonly key: string; readonly answer: CallAnswer }
  | { readonly kind: 'cancel'; readonly key: string };

export interface HostedFrame {
  readonly key: string;
  readonly type: number;
  readonly payload: string;
}

/** A line on the child's real stdout and stderr when `flushStdio` is set: everything before it has been read. */
export const STDIO_MARKER = '\u0000dagbook:flushed';

/** File descriptors of a runner child, beside the usual three. */
export const REQUEST_FD = 4;
export const REPLY_FD = 5;
