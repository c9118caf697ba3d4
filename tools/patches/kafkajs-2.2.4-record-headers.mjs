/**
 * kafkajs 2.2.4, `protocol/recordBatch/record/v0`: encodes each header into a zeroed buffer of 512 bytes of its own and
 * copies it over; a CloudEvent has eight. The size of the record is known, so it is written in one buffer at once.
 */
export default {
  package: 'kafkajs',
  version: '2.2.4',
  file: 'src/protocol/recordBatch/record/v0/index.js',
  before: `  return new Encoder()
    .writeVarInt(sizeOfBody)
    .writeInt8(0) // no used record attributes at the moment
    .writeVarLong(timestampDelta)
    .writeVarInt(offsetDelta)
    .writeVarIntBytes(key)
    .writeVarIntBytes(value)
    .writeVarIntArray(headersArray.map(Header))
`,
  after: `  const encoder = new Encoder(sizeOfBody + 5)
    .writeVarInt(sizeOfBody)
    .writeInt8(0) // no used record attributes at the moment
    .writeVarLong(timestampDelta)
    .writeVarInt(offsetDelta)
    .writeVarIntBytes(key)
    .writeVarIntBytes(value)
    .writeVarInt(headersArray.length)
  for (const header of headersArray) {
    encoder.writeVarIntString(header.key).writeVarIntBytes(header.value)
  }
  return encoder
`,
};
