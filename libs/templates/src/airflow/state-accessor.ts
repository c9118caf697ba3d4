import type { Runtime } from '../runtime.ts';
import { PyDict } from '../value/dict.ts';
import { fn } from '../value/function.ts';
import { isText, PyObject, textOf, typeName } from '../value/value.ts';
import type { Value } from '../value/value.ts';
import { raise } from '../error.ts';
import { Record } from './accessor.ts';
import { fromJson } from './json-value.ts';

/** Reading only: a text is rendered anew with each answer, so a write would happen many times. */
const getOf = (of: 'task' | 'asset', uri?: string): Value =>
  fn('get', 'key default?', ([key, otherwise = null], rt) => {
    const answer = rt.lookup({ kind: 'state', of, uri, key: rt.str(key as Value) });
    return answer.found ? fromJson(answer.value) : otherwise;
  });

/** `task_state_store`. */
export const TASK_STATES = new Record('TaskStateStoreAccessor', '<TaskStateStoreAccessor>', [['get', getOf('task')]]);

/** `asset_state_store`: of the task's only asset, or `[asset]` of one of its inlets and outlets. */
class AssetStatesAccessor extends PyObject {
  override readonly typeName = 'AssetStateStoreAccessors';

  override repr(): string {
    return '<AssetStateStoreAccessors>';
  }

  override attribute(name: string): Value | undefined {
    return name === 'get' ? getOf('asset') : undefined;
  }

  override item(key: Value, rt: Runtime): Value {
    const named = key instanceof PyDict ? key.getText('uri') : key;
    if (named === undefined || named === null || !isText(named)) return raise('TypeError', `Expected Asset, AssetNameRef, or AssetUriRef; got ${typeName(key)}`);
    const uri = textOf(named);
    return new Record('AssetStateStoreAccessor', `<AssetStateStoreAccessor uri=${rt.str(uri)}>`, [['get', getOf('asset', uri)]]);
  }
}

export const ASSET_STATES = new AssetStatesAccessor();
