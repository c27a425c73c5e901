import { compareCivil, isInfinite, readInfinity } from "./civil.ts";
import { identityType, invalid, valid } from "./identity-type.ts";
import { readStamp, spellStamp } from "./stamp.ts";
import type { ParseResult, ValueType } from "./value-type.ts";

/**
 * A date and time of day without a zone, to the microsecond: `2024-01-01T00:00:00`; also `infinity` and `-infinity`. Where on earth it is meant, nobody said:
 * a text with an offset is refused, because dropping the offset would change its meaning. `24:00:00` becomes the next day's midnight.
 */
export const timestampType: ValueType = identityType({
  name: "timestamp",
  version: 1,
  parse: parseTimestamp,
  order: compareCivil,
  key: (text) => (isInfinite(text) ? null : text),
});

/** What nearly every text that arrives looks like, and needs no arithmetic: four digits of year, no trailing zero in the fraction, a day that every month has. */
const PLAIN = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])[T ](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{0,5}[1-9])?$/;

function parseTimestamp(text: string): ParseResult {
  if (PLAIN.test(text)) return valid(text.replace(" ", "T"));
  const trimmed = text.trim();
  const stamp = readStamp(trimmed);
  if (stamp === null) {
    const infinity = readInfinity(trimmed);
    return infinity === null ? invalid("not a date and time, or finer than a microsecond") : valid(infinity);
  }
  if (stamp.offsetSeconds !== null) return invalid("a date and time with an offset from UTC, where none belongs");
  const local = spellStamp(stamp, 0);
  return local === null ? invalid("a date outside the years that can be kept") : valid(local);
}
