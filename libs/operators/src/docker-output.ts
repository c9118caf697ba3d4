import type { Readable } from 'node:stream';
import type { Output } from './output.ts';

const HEADER_BYTES = 8;
const STDERR = 2;

/**
 * Reads the engine's stream of frames (a byte that names stdout or stderr, three of padding, four of length, the payload)
 * into the task's output. `onFrame` may take the head off a payload, and answers null for one that is not wanted.
 * Resolves when the stream has ended, however it did: whether the program has ended too is known by inspecting it.
 */
export async function readFrames(stream: NodeJS.ReadableStream, output: Output, onFrame: (payload: Buffer) => Buffer | null = (payload) => payload): Promise<void> {
  let rest: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of stream as Readable) {
      rest = rest.length === 0 ? (chunk as Buffer) : Buffer.concat([rest, chunk as Buffer]);
      let from = 0;
      while (rest.length - from >= HEADER_BYTES) {
        const end = from + HEADER_BYTES + rest.readUInt32BE(from + 4);
        if (rest.length < end) break;
        const payload = onFrame(rest.subarray(from + HEADER_BYTES, end));
        if (payload !== null) (rest[from] === STDERR ? output.stderr : output.stdout).push(payload);
        from = end;
      }
      rest = rest.subarray(from);
    }
  } catch {
    // The engine went away in the middle.
  }
}
