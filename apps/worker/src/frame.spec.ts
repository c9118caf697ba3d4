import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeFrame, FrameReader } from './frame.ts';

test('however the stream is cut, the frames are the same', () => {
  const frames = fc.array(fc.tuple(fc.integer({ min: 0, max: 255 }), fc.string({ unit: 'grapheme', maxLength: 30 })), { maxLength: 10 });
  fc.assert(
    fc.property(frames, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (sent, cuts) => {
      const bytes = Buffer.concat(sent.map(([type, payload]) => encodeFrame(type, payload)));
      const got: [number, string][] = [];
      const reader = new FrameReader((type, payload) => got.push([type, payload.toString('utf8')]));
      for (let at = 0, cut = 0; at < bytes.length; cut += 1) {
        const end = at + (cuts[cut % cuts.length] as number);
        reader.push(bytes.subarray(at, end));
        at = end;
      }
      expect(got).toEqual(sent);
    }),
  );
});

test('a length that cannot be is a broken stream', () => {
  const reader = new FrameReader(() => undefined);
  expect(() => reader.push(Buffer.from([0xff, 0xff, 0xff, 0xff, 1]))).toThrow('the channel is out of step');
});
