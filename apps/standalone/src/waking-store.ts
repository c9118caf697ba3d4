import type { EventStore } from '@dagbook/event-store';

/**
 * The journal of one process, whose appends wake its readers at once instead of at their next look. Everything else is
 * the store's own.
 */
export function wakingStore(store: EventStore, wake: () => void): EventStore {
  const append: EventStore['append'] = async (entries) => {
    const results = await store.append(entries);
    wake();
    return results;
  };
  const methods = new Map<PropertyKey, unknown>([['append', append]]);
  return new Proxy(store, {
    get(target, name) {
      const known = methods.get(name);
      if (known !== undefined) return known;
      const member: unknown = Reflect.get(target, name, target);
      const bound: unknown = typeof member === 'function' ? member.bind(target) : member;
      methods.set(name, bound);
      return bound;
    },
  });
}
