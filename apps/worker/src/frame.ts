/**
 * The wire between the worker and a runner child: frames of a length (4 bytes, little endian), a type (1 byte) and a
 * payload. Lengths instead of lines, so that a log chunk travels as the bytes it will be stored as, never as JSON in JSON.
 */
export const FrameType = {
  /** worker → child: run this task (JSON `RunnerTask`). */
  run: 1,
  /** worker → child: the answer to a call (JSON `CallAnswer`). */
  answer: 2,
  /** worker → child: about one of the triggers that it hosts (JSON `HostOrder`). */
  host: 3,
  /** child → worker: it is warm and idle. */
  ready: 10,
  /** child → worker: whole log lines, as they are stored. */
  log: 11,
  /** child → worker: a question for the execution API (JSON `Call`). */
  call: 12,
  /** child → worker: this task is a sensor, whose timeout spans its pokes and tries. */
  sensor: 13,
  /** child → worker: texts to hide in the log from now on (JSON list). */
  secrets: 15,
  /** child → worker: the task has ended (JSON `RunnerEnd`). */
  end: 14,
  /** child → worker: what would be a frame of its own, of one of the triggers that it hosts (JSON `HostedFrame`). */
  hosted: 16,
} as const;

const HEADER_BYTES = 5;
/** A frame longer than this is a broken stream, not a message. */
const MAX_PAYLOAD_BYTES = 512 * 1024 * 1024;

export function encodeFrame(type: number, payload: string): Buffer {
  const bytes = Buffer.byteLength(payload);
  const frame = Buffer.allocUnsafe(HEADER_BYTES + bytes);
  frame.writeUInt32LE(bytes, 0);
  frame[4] = type;
  frame.write(payload, HEADER_BYTES, 'utf8');
  return frame;
}

/** Cuts a stream of chunks into frames. Payloads are views of the chunk: copy what must outlive the call. */
export class FrameReader {
  readonly #onFrame: (type: number, payload: Buffer) => void;
  #rest: Buffer[] = [];
  #restBytes = 0;
  #wantedBytes = HEADER_BYTES;

  constructor(onFrame: (type: number, payload: Buffer) => void) {
    this.#onFrame = onFrame;
  }

  push(chunk: Buffer): void {
    let bytes = chunk;
    if (this.#restBytes > 0) {
      this.#rest.push(chunk);
      this.#restBytes += chunk.length;
      if (this.#restBytes < this.#wantedBytes) return;
      bytes = Buffer.concat(this.#rest, this.#restBytes);
      this.#rest = [];
      this.#restBytes = 0;
    }
    let at = 0;
    while (bytes.length - at >= HEADER_BYTES) {
      const length = bytes.readUInt32LE(at);
      if (length > MAX_PAYLOAD_BYTES) throw new Error(`a frame of ${length} bytes: the channel is out of step`);
      const end = at + HEADER_BYTES + length;
      if (end > bytes.length) {
        this.#wantedBytes = HEADER_BYTES + length;
        break;
      }
      this.#onFrame(bytes[at + 4] as number, bytes.subarray(at + HEADER_BYTES, end));
      at = end;
      this.#wantedBytes = HEADER_BYTES;
    }
    if (at < bytes.length) {
      const rest = bytes.subarray(at);
      this.#rest.push(rest);
      this.#restBytes = rest.length;
    }
  }
}
