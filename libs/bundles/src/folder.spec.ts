import { mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Signatures } from './folder.ts';

describe('signatures of files that change during a scan', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'dagbook-signatures-'));
    path = join(folder, 'a.ts');
    writeFileSync(path, 'one');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('stay as they were when first asked', () => {
    const scan = new Signatures();
    const before = scan.before(path);
    writeFileSync(path, 'other');
    expect(scan.before(path)).toBe(before);
    expect(scan.after(path)).toBe(before);
    expect(new Signatures().before(path)).not.toBe(before);
  });

  it('asked only after the read, are such that the next scan reads again', () => {
    const scan = new Signatures();
    writeFileSync(path, 'changed since');
    const after = scan.after(path);
    expect(after).not.toBe(new Signatures().before(path));
  });

  it('differ for another file of the same date and size in its place', () => {
    utimesSync(path, 1, 1);
    const before = new Signatures().before(path);
    writeFileSync(`${path}.new`, 'two');
    utimesSync(`${path}.new`, 1, 1);
    renameSync(`${path}.new`, path);
    expect(new Signatures().before(path)).not.toBe(before);
  });

  it('are null for what is not there', () => {
    expect(new Signatures().before(join(folder, 'gone.ts'))).toBe(null);
    expect(new Signatures().after(join(folder, 'gone.ts'))).toBe(null);
  });
});
