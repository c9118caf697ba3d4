import { raise } from '../error.ts';
import type { Runtime } from '../runtime.ts';
import { PyModule } from '../date/module.ts';
import type { Arguments } from '../value/arguments.ts';
import { bind } from '../value/arguments.ts';
import { fillDict, PyDict } from '../value/dict.ts';
import { fn, NativeFunction, parsed } from '../value/function.ts';
import { PyRange } from '../value/sequence.ts';
import type { Value } from '../value/value.ts';
import { indexOf, isText, Markup, textOf } from '../value/value.ts';
import { Cycler, Joiner, Namespace } from './loop.ts';
import { Scope } from './scope.ts';

function range({ positional, named }: Arguments, rt: Runtime): Value {
  if (named.size > 0) raise('TypeError', 'range() takes no keyword arguments');
  if (positional.length === 0 || positional.length > 3) raise('TypeError', `range expected 1 to 3 arguments, got ${positional.length}`);
  const numbers = positional.map((value) => BigInt(indexOf(value)));
  const [first = 0n, second, step = 1n] = numbers;
  const made = second === undefined ? new PyRange(0n, first, 1n) : new PyRange(first, second, step);
  if (made.length() > rt.limits.maxRange) {
    raise('OverflowError', `Range too big. The sandbox blocks ranges larger than MAX_RANGE (${rt.limits.maxRange}).`);
  }
  return made;
}

function namespace(args: Arguments, rt: Runtime): Value {
  const names = [...fillDict(new PyDict(), args, rt).pairs()].map(([name, value]) => [isText(name) ? textOf(name) : rt.str(name), value] as const);
  return new Namespace(names);
}

const LOREM = 'a ac accumsan ad adipiscing aenean aliquam amet ante aptent arcu at auctor bibendum blandit commodo consectetuer cras curabitur cursus dapibus diam dictum dolor donec dui duis egestas eget elit enim erat eros est et eu felis fringilla gravida habitant hac hendrerit iaculis id imperdiet in integer ipsum justo lacus lectus leo libero ligula lorem luctus magna malesuada massa mattis mauris metus mi molestie mollis morbi nam nec neque nibh nisi nisl non nulla nunc odio orci ornare pede pellentesque pharetra placerat porta posuere pretium primis proin pulvinar purus quam quis rhoncus risus rutrum sagittis sapien sed sem semper senectus sit sociosqu sodales sollicitudin suscipit tellus tempus tincidunt tortor tristique turpis ullamcorper ultrices urna ut varius vehicula vel velit vestibulum vitae vivamus viverra volutpat'.split(' ');

/** `lipsum(…)`: paragraphs of random words. */
const lipsum = fn('lipsum', 'n? html? min? max?', ([count = 5n, html = true, least = 20n, most = 100n], rt) => {
  const below = (limit: number): number => Math.floor(rt.random() * limit);
  const paragraphs = Array.from({ length: Math.max(0, Math.min(indexOf(count), 1000)) }, () => {
    const length = indexOf(least) + below(Math.max(1, indexOf(most) - indexOf(least)));
    rt.allocate(length * 10);
    const text = Array.from({ length }, () => LOREM[below(LOREM.length)]).join(' ');
    return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;
  });
  return html === false ? paragraphs.join('\n\n') : new Markup(paragraphs.map((text) => `<p>${text}</p>`).join('\n'));
});

/** What every Jinja template has. */
export const JINJA_GLOBALS: Scope = new Scope(undefined, [
  ['range', new NativeFunction('range', range, 'function')],
  ['lipsum', lipsum],
  ['dict', new PyModule('dict', [], (args, rt) => fillDict(new PyDict(), args, rt))],
  ['namespace', new PyModule('jinja2.utils.Namespace', [], namespace)],
  ['cycler', new PyModule('jinja2.utils.Cycler', [], ({ positional, named }) => (named.size > 0 ? raise('TypeError', 'Cycler() got an unexpected keyword argument') : new Cycler(positional)))],
  ['joiner', new PyModule('jinja2.utils.Joiner', [], (args) => new Joiner(bind('Joiner', parsed('sep?'), args)[0] ?? ', '))],
]);
