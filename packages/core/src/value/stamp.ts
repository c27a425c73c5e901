import { MICROS_PER_DAY, astronomicalYear, dateOfDays, daysOfDate, microsOfTime, timeOfMicros } from "./civil.ts";

/** A date and a time of day as read, with the offset from UTC where one was written. */
export interface Stamp {
  /** Days since 1970-01-01 of the local date. */
  readonly days: number;
  /** Microseconds since local midnight, up to and including a whole day. */
  readonly micros: number;
  /** Local time minus UTC in seconds, or null where none was written. */
  readonly offsetSeconds: number | null;
}

/** ISO 8601 and RFC 3339, PostgreSQL's output (`2024-01-01 00:00:00.5+05:30:15 BC`) and offsets without a colon (`+0000`, as many APIs write). */
const SPELLING =
  /^([+-]?\d{4,7})-(\d{1,2})-(\d{1,2})[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d+))?)? ?(?:(Z|UTC)|([+-])(\d{2})(?::?(\d{2})(?::?(\d{2}))?)?)?(?: (BC|AD))?$/i;

/** Reads a date with a time; null where the text is none, or names a moment that the calendar and the clock do not have. */
export function readStamp(text: string): Stamp | null {
  const parts = SPELLING.exec(text);
  if (parts === null) return null;
  const year = astronomicalYear(parts[1] ?? "", parts[13]);
  const days = year === null ? null : daysOfDate(year, Number(parts[2]), Number(parts[3]));
  const micros = microsOfTime(Number(parts[4]), Number(parts[5]), Number(parts[6] ?? 0), parts[7] ?? "");
  const offsetSeconds = parts[8] === undefined ? readOffset(parts[9], parts[10], parts[11], parts[12]) : 0;
  return days === null || micros === null || offsetSeconds === undefined ? null : { days, micros, offsetSeconds };
}

/** The canonical text of a date and time that lies `shiftSeconds` after the stamp; null where its year is out of range. */
export function spellStamp(stamp: Stamp, shiftSeconds: number): string | null {
  const shifted = stamp.micros + shiftSeconds * 1_000_000;
  const dayShift = Math.floor(shifted / MICROS_PER_DAY);
  const date = dateOfDays(stamp.days + dayShift);
  return date === null ? null : `${date}T${timeOfMicros(shifted - dayShift * MICROS_PER_DAY)}`;
}

/** Null where there is no offset, undefined where it is impossible. */
function readOffset(sign: string | undefined, hours: string | undefined, minutes = "0", seconds = "0"): number | null | undefined {
  if (sign === undefined) return null;
  if (Number(hours) > 23 || Number(minutes) > 59 || Number(seconds) > 59) return undefined;
  const total = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  return sign === "-" ? 0 - total : total;
}
