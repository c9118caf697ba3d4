import type { LogReadRequest, LogSlice } from '@dagbook/contracts';

const NEWLINE = 0x0a;

/**
 * Reads the part of a log that a request asks for, whole lines of it: a tail begins at a line, and a slice ends at one
 * unless a single line is longer than `maxBytes` (then it ends between two characters). The last line of a log that
 * still grows is held back until it is whole.
 */
export async function cutAtLines(
  request: LogReadRequest,
  extent: { readonly bytes: number; readonly ended: boolean },
  read: (from: number, to: number) => Promise<Buffer>,
): Promise<LogSlice> {
  const { from, buffer } = await window(request, extent.bytes, read);
  const reachesEnd = from + buffer.length >= extent.bytes;
  const length = reachesEnd && extent.ended ? buffer.length : cutLength(buffer, reachesEnd);
  const nextByte = from + length;
  return { fromByte: from, nextByte, text: buffer.toString('utf8', 0, length), ended: extent.ended && nextByte >= extent.bytes };
}

async function window(request: LogReadRequest, bytes: number, read: (from: number, to: number) => Promise<Buffer>): Promise<{ from: number; buffer: Buffer }> {
  const { fromByte, tailBytes, maxBytes } = request;
  if (fromByte !== undefined || tailBytes === undefined || tailBytes >= bytes) {
    const from = fromByte ?? 0;
    return { from, buffer: await read(from, Math.min(bytes, from + maxBytes)) };
  }
  // One byte more in front says whether the tail happens to begin at a line.
  const start = bytes - tailBytes - 1;
  const buffer = await read(start, Math.min(bytes, start + 1 + maxBytes));
  const newline = buffer.indexOf(NEWLINE);
  const skip = newline === -1 ? firstCharacter(buffer, 1) : newline + 1;
  return { from: start + skip, buffer: buffer.subarray(skip) };
}

function cutLength(buffer: Buffer, reachesEnd: boolean): number {
  const newline = buffer.lastIndexOf(NEWLINE);
  if (newline !== -1) return newline + 1;
  if (reachesEnd) return 0;
  let end = buffer.length;
  while (end > 0 && isContinuation(buffer[end - 1]!)) end--;
  // `end - 1` is the lead byte of the last character: leave it to the next slice unless it is whole.
  if (end === 0) return buffer.length;
  const needed = characterBytes(buffer[end - 1]!);
  return end - 1 + needed <= buffer.length ? end - 1 + needed : Math.max(end - 1, 0) || buffer.length;
}

function firstCharacter(buffer: Buffer, at: number): number {
  let start = at;
  while (start < buffer.length && isContinuation(buffer[start]!)) start++;
  return start;
}

const isContinuation = (byte: number): boolean => (byte & 0xc0) === 0x80;
const characterBytes = (lead: number): number => (lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4);
