import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { DOCUMENT, generate } from './generate.mjs';
import { toYaml } from './yaml.mjs';

test('docs/asyncapi.yaml is what libs/contracts says (else run: node tools/asyncapi/generate.mjs)', () => {
  expect(readFileSync(DOCUMENT, 'utf8')).toBe(generate());
});

test('every message of every topic has a body schema', () => {
  const text = generate();
  for (const type of ['AttemptReady', 'AttemptFinished', 'LogChunk', 'EventStored', 'SubmitCommand']) {
    expect(text).toContain(`const: dev.dagbook.${type}.v1`);
    expect(text).toMatch(new RegExp(`    ${type}:\\n      name: ${type}\\n[^]*?payload:\\n        \\$ref: "#/components/schemas/`));
  }
});

test('YAML quotes what would be read as something else', () => {
  expect(toYaml({ a: 'yes', b: 'x: y', c: [1, { d: null, e: [] }], f: {}, 'g h': '한' })).toBe('a: "yes"\nb: "x: y"\nc:\n  - 1\n  - d: null\n    e: []\nf: {}\n"g h": "한"\n');
});
