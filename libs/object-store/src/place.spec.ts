import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { objectStoreAt } from './place.ts';

test('a place is a folder or a prefix of a bucket', () => {
  const folder = mkdtempSync(join(tmpdir(), 'dagbook-place-'));
  expect(objectStoreAt(`file://${folder}/x`).place).toBe(`file://${folder}/x`);
  rmSync(folder, { recursive: true });
  expect(objectStoreAt('s3://dagbook-logs').place).toBe('s3://dagbook-logs');
  expect(objectStoreAt('s3://dagbook-logs/a/b/?region=ap-northeast-2&endpoint=https://minio.lan:9000').place).toBe('s3://dagbook-logs/a/b');
});

test.each(['', '/var/lib/xcom', 'file://host/x', 'file:///', 's3://B', 's3:///x', 'https://bucket.s3.amazonaws.com', 's3://bucket?endpoint=minio', 's3://bucket?key=1', 's3://key:secret@bucket/x'])('%j names none', (setting) => {
  expect(() => objectStoreAt(setting)).toThrow(expect.objectContaining({ code: 'object_store.setting' }));
});

test('credentials in a setting are refused and not repeated', () => {
  expect(() => objectStoreAt('s3://key:hunter2hunter2@bucket/x')).toThrow(/^(?!.*hunter2)/);
});
