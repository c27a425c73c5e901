import { microsOfTime, timeOfMicros } from "./civil.ts";
import { compareCodeUnits, identityType, invalid, valid } from "./identity-type.ts";
import type { ParseResult, ValueType } from "./value-type.ts";

/**
 * A time of day without a zone, to the microsecond: `09:30:00`, `09:30:00.5`; `24:00:00` is the end of the day, as in PostgreSQL. Reads seconds left out and a
 * one-digit hour. Finer than a microsecond is refused, not rounded: a side that has nanoseconds rounds in its codec, where the loss is known. [S15]
 */
export const timeType: ValueType = identityType({ name: "time", version: 1, parse: parseTime, order: compareCodeUnits });

const SPELLING = /^(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d+))?)?$/;

function parseTime(text: string): ParseResult {
  const parts = SPELLING.exec(text.trim());
  if (parts === null) return invalid("not a time of the form HH:MM:SS");
  const micros = microsOfTime(Number(parts[1]), Number(parts[2]), Number(parts[3] ?? 0), parts[4] ?? "");
  return micros === null ? invalid("a time that no day has, or finer than a microsecond") : valid(timeOfMicros(micros));
}
