import { connect } from 'node:net';

/** One request of Kafka's protocol, written out by hand since this room imports no client. */
const METADATA_REQUEST = (() => {
  const clientId = Buffer.from('dagbook-probe');
  const body = Buffer.concat([
    // api key 3 (Metadata), version 4, correlation id 1, client id
    Buffer.from([0, 3, 0, 4, 0, 0, 0, 1, 0, clientId.length]), clientId,
    // no topics (an empty array), topics are not to be made
    Buffer.from([0, 0, 0, 0, 0]),
  ]);
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length);
  return Buffer.concat([length, body]);
})();

/** Length, correlation id and throttle time come first, then the array of brokers. */
const BROKER_COUNT_AT = 12;

/** True when the broker on this port names at least itself: from then on clients can work with it. */
export function answersMetadata(port: number, patienceMs = 1_000): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    let answer = Buffer.alloc(0);
    const done = (ready: boolean): void => {
      socket.destroy();
      resolve(ready);
    };
    socket.setTimeout(patienceMs, () => done(false));
    socket.once('connect', () => socket.write(METADATA_REQUEST));
    socket.once('error', () => done(false));
    socket.once('close', () => resolve(false));
    socket.on('data', (chunk: Buffer) => {
      answer = Buffer.concat([answer, chunk]);
      if (answer.length >= BROKER_COUNT_AT + 4) done(answer.readInt32BE(BROKER_COUNT_AT) > 0);
    });
  });
}
