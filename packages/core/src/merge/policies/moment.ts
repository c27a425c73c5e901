import { MICROS_PER_DAY, daysOfDate } from "../../value/civil.ts";
import { readStamp } from "../../value/stamp.ts";
import type { MaybeValue } from "../../value/value-type.ts";

const DATE = /^([+-]?\d{4,7})-(\d{2})-(\d{2})$/;
const MS_PER_DAY = 86_400_000;

/**
 * Epoch milliseconds of a canonical instant, timestamp (taken as UTC) or date (its first moment); null where the value is unknown, null or names no time.
 * The infinities are themselves.
 */
export function momentMs(value: MaybeValue): number | null {
  if (value === undefined || value === null) return null;
  if (value === "infinity") return Infinity;
  if (value === "-infinity") return -Infinity;
  const date = DATE.exec(value);
  if (date !== null) {
    const days = daysOfDate(Number(date[1]), Number(date[2]), Number(date[3]));
    return days === null ? null : days * MS_PER_DAY;
  }
  const stamp = readStamp(value);
  return stamp === null ? null : stamp.days * MS_PER_DAY + (stamp.micros * MS_PER_DAY) / MICROS_PER_DAY - (stamp.offsetSeconds ?? 0) * 1000;
}
