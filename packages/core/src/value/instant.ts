import { compareCivil, isInfinite, readInfinity } from "./civil.ts";
import { identityType, invalid, valid } from "./identity-type.ts";
import { readStamp, spellStamp } from "./stamp.ts";
import type { ParseResult, ValueType } from "./value-type.ts";

/**
 * A moment on the time line to the microsecond, in UTC: `2024-01-01T00:00:00Z`, `2024-01-01T00:00:00.123456Z`; also `infinity` and `-infinity`.
 * Reads any offset and PostgreSQL's `timestamptz` output. Without an offset it is refused: it could be any of forty moments. Finer than a microsecond is
 * refused, not rounded: a side that has nanoseconds rounds in its codec, where the loss is known. [S15]
 */
export const instantType: ValueType = identityType({
  name: "instant",
  version: 1,
  parse: parseInstant,
  order: compareCivil,
  key: (text) => (isInfinite(text) ? null : text),
});

/**
 * What nearly every text that arrives looks like: UTC, four digits of year, no trailing zero in the fraction, and a day that every month has.
 * It needs no arithmetic, which is two thirds of the work.
 */
const PLAIN = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])[T ](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{0,5}[1-9])?(?:Z|\+00)$/;

function parseInstant(text: string): ParseResult {
  if (PLAIN.test(text)) return valid(`${text.slice(0, 10)}T${text.slice(11, text.endsWith("Z") ? -1 : -3)}Z`);
  const trimmed = text.trim();
  const stamp = readStamp(trimmed);
  if (stamp === null) {
    const infinity = readInfinity(trimmed);
    return infinity === null ? invalid("not a date and time with an offset, or finer than a microsecond") : valid(infinity);
  }
  if (stamp.offsetSeconds === null) return invalid("a date and time without an offset from UTC");
  const utc = spellStamp(stamp, 0 - stamp.offsetSeconds);
  return utc === null ? invalid("a moment outside the years that can be kept") : valid(`${utc}Z`);
}
