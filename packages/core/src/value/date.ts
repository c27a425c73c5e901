import { astronomicalYear, compareCivil, daysOfDate, isInfinite, readInfinity, spellDate } from "./civil.ts";
import { identityType, invalid, valid } from "./identity-type.ts";
import type { ParseResult, ValueType } from "./value-type.ts";

/**
 * A calendar day of the proleptic Gregorian calendar, without a zone: `2024-02-29`, `+10000-01-01`, `-0043-03-15` (44 BC: the year 0000 is 1 BC),
 * up to seven digits of year; also PostgreSQL's `infinity` and `-infinity`. Reads year, month and day in that order only, with one or two digits for the
 * latter two, and PostgreSQL's `0044-03-15 BC`. `03/04/2024` is refused: which of the two is the month is for a mapping to say.
 */
export const dateType: ValueType = identityType({
  name: "date",
  version: 1,
  parse: parseDate,
  order: compareCivil,
  key: (text) => (isInfinite(text) ? null : text),
});

const SPELLING = /^([+-]?\d{4,7})-(\d{1,2})-(\d{1,2})(?: (BC|AD))?$/i;

function parseDate(text: string): ParseResult {
  const trimmed = text.trim();
  const parts = SPELLING.exec(trimmed);
  if (parts === null) {
    const infinity = readInfinity(trimmed);
    return infinity === null ? invalid("not a date of the form YYYY-MM-DD") : valid(infinity);
  }
  const year = astronomicalYear(parts[1] ?? "", parts[4]);
  const month = Number(parts[2]);
  const day = Number(parts[3]);
  if (year === null || daysOfDate(year, month, day) === null) return invalid("a date that the calendar does not have");
  return valid(spellDate(year, month, day));
}
