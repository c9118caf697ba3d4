import type { StateAnswer, StateQuestion } from '@dagbook/contracts';
import { DEFAULT_STATE_STORE_POLICY, type Json, stateLifetimeMs, stateSizeVerdict } from '@dagbook/domain';
import type { Asset } from './types.ts';

interface Kept {
  readonly value: Json;
  readonly expiresAtMs: number | null;
}

/** The state stores of `dag.test`, in memory: of task instances by run, of assets over all runs of a test. */
export class TestStates {
  readonly #stores = new Map<string, Map<string, Kept>>();

  constructor(assets: readonly { readonly asset: Asset; readonly key: string; readonly value: {} }[] = []) {
    for (const { asset, key, value } of assets) this.#storeOf(assetName(asset.uri)).set(key, { value: value as Json, expiresAtMs: null });
  }

  /** In the name of one task instance, `<run>/<task>/<map index>`. */
  answer(instance: string, question: StateQuestion, nowMs: number): StateAnswer {
    const store = this.#storeOf(question.of.kind === 'task' ? instance : assetName(question.of.uri));
    switch (question.op) {
      case 'get': {
        const kept = store.get(question.key);
        return kept === undefined || isOver(kept, nowMs) ? {} : { value: kept.value };
      }
      case 'set': {
        const { key, value, retentionMs, of } = question;
        const retention = retentionMs === null || of.kind === 'asset' ? 'never' : (retentionMs ?? 'default');
        const lifetimeMs = stateLifetimeMs(retention, DEFAULT_STATE_STORE_POLICY);
        store.set(key, { value, expiresAtMs: lifetimeMs === null ? null : nowMs + lifetimeMs });
        const { message } = stateSizeVerdict(new TextEncoder().encode(JSON.stringify(value)).length, 'task', DEFAULT_STATE_STORE_POLICY);
        return message === undefined ? {} : { warning: message };
      }
      case 'delete':
        store.delete(question.key);
        return {};
      case 'clear':
        store.clear();
        return {};
    }
  }

  ofInstance(instance: string, nowMs: number): Record<string, unknown> {
    return contentOf(this.#stores.get(instance), nowMs);
  }

  ofAsset({ uri }: Asset, nowMs: number): Record<string, unknown> {
    return contentOf(this.#stores.get(assetName(uri)), nowMs);
  }

  #storeOf(name: string): Map<string, Kept> {
    const known = this.#stores.get(name) ?? new Map<string, Kept>();
    this.#stores.set(name, known);
    return known;
  }
}

/** No run id begins so. */
const assetName = (uri: string): string => `/${uri}`;
const isOver = ({ expiresAtMs }: Kept, nowMs: number): boolean => expiresAtMs !== null && expiresAtMs <= nowMs;
const contentOf = (store: ReadonlyMap<string, Kept> | undefined, nowMs: number): Record<string, unknown> => Object.fromEntries([...(store ?? [])].filter(([, kept]) => !isOver(kept, nowMs)).map(([key, { value }]) => [key, value]));
