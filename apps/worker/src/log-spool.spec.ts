import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { LogSpool } from './log-spool.ts';

const disk = vi.hoisted(() => ({ full: false }));
vi.mock('node:fs', async (importOriginal) => {
  const original = await importOriginal<typeof fs>();
  return {
    ...original,
    writeSync: (...args: Parameters<typeof original.writeSync>) => {
      if (disk.full) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
      return original.writeSync(...args);
    },
  };
});

let stateDir: string;
beforeEach(() => {
  disk.full = false;
  stateDir = fs.mkdtempSync(join(tmpdir(), 'dagbook-spool-'));
});
afterEach(() => fs.rmSync(stateDir, { recursive: true }));

const header = { attemptId: 'a', epoch: 1, offset: 100, lines: 3 };

test('pieces are read in order and never end inside a character', () => {
  const file = new LogSpool(stateDir).create(header);
  file.append('한글🌦\n');
  const pieces: unknown[] = [];
  while (file.unreadBytes > 0) {
    const piece = file.peek(5);
    pieces.push(piece);
    file.advance(piece.bytes);
  }
  expect(pieces).toEqual([
    { offset: 100, text: '한', bytes: 3 },
    { offset: 103, text: '글', bytes: 3 },
    { offset: 106, text: '🌦\n', bytes: 5 },
  ]);
});

test('a full disk loses nothing', () => {
  const file = new LogSpool(stateDir).create(header);
  file.append('one\n');
  disk.full = true;
  file.append('two\n');
  expect(file.peek(100)).toEqual({ offset: 100, text: 'one\ntwo\n', bytes: 8 });
  file.advance(6);
  expect(file.peek(100)).toEqual({ offset: 106, text: 'o\n', bytes: 2 });
  disk.full = false;
  file.append('three\n');
  expect(file.peek(100)).toEqual({ offset: 106, text: 'o\nthree\n', bytes: 8 });
  file.advance(8);
  expect(file.unreadBytes).toBe(0);
});

test('what is left is found with its header; a file without a whole header is deleted', () => {
  const spool = new LogSpool(stateDir);
  spool.create(header).append('one\ntwo\n');
  fs.writeFileSync(join(stateDir, 'spool/9.log'), '{"attemptId":');
  const [left, ...more] = new LogSpool(stateDir).left();
  expect(more).toEqual([]);
  expect(left?.header).toEqual(header);
  expect([left?.unreadBytes, left?.countLines()]).toEqual([8, 2]);
  expect(fs.readdirSync(join(stateDir, 'spool'))).toEqual(['1.log']);
});
