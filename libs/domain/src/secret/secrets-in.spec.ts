import { expect, test } from 'vitest';
import { secretsInConnection, secretsInVariable, withoutSecrets } from './secrets-in.ts';

test('a connection hides its password and what its extra names so, at any depth', () => {
  const extra = { region_name: 'ap-northeast-2', aws_session_token: 'tok-1', nested: [{ private_key: { pem: 'key-2', size: 2048 } }], keyfile: '{"client_secret":"s-3"}' };
  expect(secretsInConnection({ password: 'p', login: 'l', extra: JSON.stringify(extra) })).toEqual(['p', 'tok-1', 'key-2', '2048', 's-3']);
  expect(secretsInConnection({ password: null, extra })).toEqual(['tok-1', 'key-2', '2048', 's-3']);
  expect(secretsInConnection({ host: 'h', extra: 'no json' })).toEqual([]);
});

test('a variable is a secret by its name, or holds some by theirs', () => {
  expect(secretsInVariable('API_TOKEN', 'abc')).toEqual(['abc']);
  expect(secretsInVariable('my_secret', '{"a":"one","b":[true,"two"]}')).toEqual(['{"a":"one","b":[true,"two"]}', 'one', 'two']);
  expect(secretsInVariable('settings', '{"user":"u","password":"pw"}')).toEqual(['pw']);
  expect(secretsInVariable('region', 'seoul')).toEqual([]);
});

test('what is shown has stars where a secret is', () => {
  expect(withoutSecrets({ region: 'r', token: 't', empty_secret: '', none_password: null, deep: [{ apiKey: 1, b: 2 }] })).toEqual({
    region: 'r', token: '***', empty_secret: '', none_password: null, deep: [{ apiKey: '***', b: 2 }],
  });
});
