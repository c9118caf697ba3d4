import { createHash, randomUUID } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LARGE_RESULT_BYTES, largeResultHash, type XComAnswer, type XComQuestion } from '@dagbook/contracts';
import type { Json } from '@dagbook/domain';
import type { Calls } from './calls.ts';

const TRIES = 3;

/** Results as a task sees them: whole values, wherever they are kept. Large ones go through files of the worker's folder. */
export class Results {
  readonly #folder: string;
  constructor(folder: string) {
    this.#folder = folder;
  }

  async put(calls: Calls, value: Json): Promise<{ readonly key: string; readonly bytes: number }> {
    const content = largeContent(value);
    if (content === undefined) return (await calls.ask({ method: 'putResult', value })) as unknown as { key: string; bytes: number };
    // By its process, so that the worker can tell whose it was.
    const file = `${process.pid}.${randomUUID()}`;
    try {
      await writeFile(join(this.#folder, file), content, { mode: 0o600 });
      const sha256 = createHash('sha256').update(content).digest('hex');
      return (await calls.ask({ method: 'putLargeResult', file, bytes: content.length, sha256 })) as unknown as { key: string; bytes: number };
    } finally {
      await rm(join(this.#folder, file), { force: true });
    }
  }

  async get(calls: Calls, key: string): Promise<Json> {
    if (largeResultHash(key) === undefined) return calls.ask({ method: 'getResult', key });
    for (let left = TRIES - 1; ; left -= 1) {
      const { file } = (await calls.ask({ method: 'getLargeResult', key })) as unknown as { file: string };
      try {
        return JSON.parse(await readFile(join(this.#folder, file), 'utf8')) as Json;
      } catch (error) {
        // The worker keeps files for as long as there is room; this one made room for others meanwhile.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || left === 0) throw error;
      }
    }
  }

  async pulled(calls: Calls, question: XComQuestion): Promise<XComAnswer> {
    const answer = (await calls.ask({ method: 'xcom', question })) as unknown as XComAnswer;
    if (!answer.found || answer.large === undefined) return answer;
    let { value } = answer;
    for (const { at, key } of answer.large) {
      const part = await this.get(calls, key);
      value = at === undefined ? part : (value as readonly Json[]).with(at, part);
    }
    return { found: true, value };
  }
}

/** undefined: it is not large. UTF-8 is at most three bytes a code unit, so most results are known to be small without being encoded. */
function largeContent(value: Json): Buffer | undefined {
  const text = JSON.stringify(value);
  if (text.length * 3 <= LARGE_RESULT_BYTES) return undefined;
  const content = Buffer.from(text);
  return content.length <= LARGE_RESULT_BYTES ? undefined : content;
}
