import type { BundleState, BundleStore } from '../port.ts';

export class MemoryBundleStore implements BundleStore {
  readonly #states = new Map<string, { readonly state: BundleState; readonly asked: number }>();

  list(): Promise<readonly BundleState[]> {
    return Promise.resolve([...this.#states.values()].map(({ state }) => state).sort((a, b) => (a.name < b.name ? -1 : 1)));
  }

  save(state: BundleState): Promise<void> {
    const before = this.#states.get(state.name);
    this.#states.set(state.name, { state: { ...state, syncedAtMs: state.syncedAtMs ?? before?.state.syncedAtMs ?? null, checkedAtMs: state.checkedAtMs ?? before?.state.checkedAtMs ?? null }, asked: before?.asked ?? 0 });
    return Promise.resolve();
  }

  keepOnly(names: readonly string[]): Promise<void> {
    for (const name of this.#states.keys()) if (!names.includes(name)) this.#states.delete(name);
    return Promise.resolve();
  }

  askSync(name: string): Promise<boolean> {
    const known = this.#states.get(name);
    if (known !== undefined) this.#states.set(name, { ...known, asked: known.asked + 1 });
    return Promise.resolve(known !== undefined);
  }

  asked(name: string): Promise<number> {
    return Promise.resolve(this.#states.get(name)?.asked ?? 0);
  }
}
