import type { Cell } from "./pipeline.ts";

/** An array's header in the binary format: dimensions, flags, element type, length, lower bound [array_recv in arrayfuncs.c]. */
const HEADER_BYTES = 20;
const LENGTH_BYTES = 4;
const NULL_LENGTH = -1;
const TEXT_OID = 25;
const INT8_OID = 20;
const TWO_TO_32 = 4_294_967_296;

/** As many bytes as the length that stands before each element, to be overwritten by it. */
const GAP = "\0".repeat(LENGTH_BYTES);

/**
 * A `text[]` in the binary format: far cheaper to send than one parameter a cell, and nothing has to be escaped. The cells become bytes in one go, with room
 * for their lengths between them.
 */
export function textArray(cells: readonly Cell[]): Buffer {
  const joined = cells.join(GAP);
  const bytes = Buffer.byteLength(joined);
  const buffer = header(TEXT_OID, cells.length, bytes + LENGTH_BYTES);
  buffer.write(joined, HEADER_BYTES + LENGTH_BYTES);
  // Where every character is one byte, the lengths are those of the strings.
  const isAscii = bytes === joined.length;
  let at = HEADER_BYTES;
  for (const cell of cells) {
    const length = cell === null ? 0 : isAscii ? cell.length : Buffer.byteLength(cell);
    buffer.writeInt32BE(cell === null ? NULL_LENGTH : length, at);
    at += LENGTH_BYTES + length;
  }
  return cells.length === 0 ? emptyArray(TEXT_OID) : buffer;
}

/** An `int8[]` of whole numbers from 0 to 2^53, in the binary format. */
export function int8Array(numbers: readonly number[]): Buffer {
  if (numbers.length === 0) return emptyArray(INT8_OID);
  const buffer = header(INT8_OID, numbers.length, numbers.length * 12);
  let at = HEADER_BYTES;
  for (const number of numbers) {
    buffer.writeInt32BE(8, at);
    buffer.writeUInt32BE(Math.floor(number / TWO_TO_32), at + 4);
    buffer.writeUInt32BE(number % TWO_TO_32, at + 8);
    at += 12;
  }
  return buffer;
}

function header(elementOid: number, length: number, contentBytes: number): Buffer {
  const buffer = Buffer.allocUnsafe(HEADER_BYTES + contentBytes);
  buffer.writeInt32BE(1, 0);
  buffer.writeInt32BE(1, 4);
  buffer.writeInt32BE(elementOid, 8);
  buffer.writeInt32BE(length, 12);
  buffer.writeInt32BE(1, 16);
  return buffer;
}

/** No dimension at all. */
function emptyArray(elementOid: number): Buffer {
  const buffer = Buffer.alloc(12);
  buffer.writeInt32BE(elementOid, 8);
  return buffer;
}
