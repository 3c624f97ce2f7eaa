// A message of the pipeline on the data channel "data": `u32 header length, big endian | JSON header | payload`.
// The header is `{kind: "data", type, sequence, media_time_ns, output}`; `type` is json, text, binary, audio, video or
// tensor. Pure.

/** A header longer than this is refused. */
export const MAX_HEADER_BYTES = 16 * 1024;

/** Why a message could not be read. */
export class DataFrameError extends Error {}

/**
 * Reads one message.
 *
 * @param {ArrayBuffer} buffer
 * @returns {{type: string, sequence: number, mediaTimeNs: number, output: string, value: unknown}}
 *   `value` is parsed JSON, a string, or else the payload as it is.
 * @throws {DataFrameError} names what is wrong with it.
 */
export function parseDataFrame(buffer) {
  if (buffer.byteLength < 4) throw new DataFrameError(`message of ${buffer.byteLength} bytes is too short for a header length`);
  const length = new DataView(buffer).getUint32(0);
  if (length > MAX_HEADER_BYTES) throw new DataFrameError(`header of ${length} bytes is over the limit of ${MAX_HEADER_BYTES}`);
  if (4 + length > buffer.byteLength) {
    throw new DataFrameError(`header of ${length} bytes does not fit into a message of ${buffer.byteLength} bytes`);
  }
  const header = parseJson('header', new Uint8Array(buffer, 4, length));
  if (header?.kind !== 'data') throw new DataFrameError(`kind is ${JSON.stringify(header?.kind)}, expected "data"`);
  const payload = new Uint8Array(buffer, 4 + length);
  return {
    type: header.type,
    sequence: header.sequence ?? 0,
    mediaTimeNs: header.media_time_ns ?? 0,
    output: header.output ?? '',
    value: valueOf(header.type, payload),
  };
}

function valueOf(type, payload) {
  switch (type) {
    case 'json':
      return parseJson('payload', payload);
    case 'text':
      return decodeText('payload', payload);
    case 'binary':
    case 'audio':
    case 'video':
    case 'tensor':
      return payload;
    default:
      throw new DataFrameError(`type is ${JSON.stringify(type)}, expected json, text, binary, audio, video or tensor`);
  }
}

function parseJson(part, bytes) {
  const text = decodeText(part, bytes);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new DataFrameError(`${part} is not JSON`, { cause });
  }
}

function decodeText(part, bytes) {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new DataFrameError(`${part} is not UTF-8`, { cause });
  }
}
