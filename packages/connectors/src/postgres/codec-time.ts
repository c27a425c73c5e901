import type { ParseResult } from "@accord/core";

/*
 * Dates and times between canonical texts (ISO 8601, astronomical years) and PostgreSQL's (BC, a space instead of T).
 * Reading is core's, which knows both spellings; writing rounds to the column's precision as the server does [timestamp.c, AdjustTimestampForTypmod].
 */

const outOfRange: ParseResult = { kind: "invalid", problem: "outside the range that the column holds" };

/** The first day that PostgreSQL knows, 4714-11-24 BC, and the last years of dates and of timestamps. */
const FIRST_DAY = [-4713, 11, 24] as const;
const LAST_YEAR_OF_DATE = 5_874_897;
const LAST_YEAR_OF_TIMESTAMP = 294_276;

/** The cell of a canonical date. */
export function dateCell(text: string): ParseResult {
  if (isInfinite(text)) return value(text);
  const day = readDay(text);
  return day === null || !isInRange(day, LAST_YEAR_OF_DATE) ? outOfRange : value(spellDay(day) + eraOf(day));
}

/** The cell of a canonical time of day, rounded half up; 24:00:00 may come of it, as in PostgreSQL. */
export function timeCell(text: string, precision: number): ParseResult {
  const { clock, carry } = roundClock(text, precision, false);
  return value(carry ? "24:00:00" : clock);
}

/** The cell of a canonical timestamp or instant; `zone` is what the server prints after it (`+00` with the session in UTC). */
export function timestampCell(text: string, precision: number, zone: string): ParseResult {
  if (isInfinite(text)) return value(text);
  const at = text.indexOf("T");
  const day = readDay(text.slice(0, at));
  if (day === null) return outOfRange;
  // The server rounds away from the start of 2000, where it counts from: halves go down before it.
  const { clock, carry } = roundClock(text.slice(at + 1).replace("Z", ""), precision, day.year < 2000);
  const rounded = carry ? nextDay(day) : day;
  if (!isInRange(rounded, LAST_YEAR_OF_TIMESTAMP)) return outOfRange;
  return value(`${spellDay(rounded)} ${clock}${zone}${eraOf(rounded)}`);
}

const INTERVAL = /^P(?:(-?\d+)Y)?(?:(-?\d+)M)?(?:(-?\d+)D)?(?:T(?:(-?\d+)H)?(?:(-?\d+)M)?(?:(-?\d+)(?:\.(\d{0,5}[1-9]))?S)?)?$/;

/**
 * Intervals are texts, as the server prints them in the style `iso_8601`: `P1Y2M3DT4H5M6.5S`. Other spellings of the same interval are refused, because the
 * server would not give them back.
 */
export function intervalProblem(text: string): ParseResult | null {
  const match = INTERVAL.exec(text);
  const parts = match?.slice(1, 7) ?? [];
  const given = parts.filter((part) => part !== undefined);
  const [years, months, , hours, minutes, seconds] = parts;
  const isNormal =
    match !== null &&
    (text === "PT0S" || given.some((part) => /[1-9]/.test(part)) || match[7] !== undefined) &&
    (text === "PT0S" ||
      given.every((part) => /^-?[1-9]/.test(part) || (part === seconds && match[7] !== undefined && /^-?0$/.test(part)))) &&
    within(months, 12) &&
    within(minutes, 60) &&
    within(seconds, 60) &&
    sameSign([years, months]) &&
    sameSign([hours, minutes, seconds]) &&
    !text.endsWith("T");
  return isNormal ? null : { kind: "invalid", problem: "no interval as PostgreSQL prints it in ISO 8601, for instance P1Y2M3DT4H5M6.5S" };
}

interface Day {
  /** Astronomical: 0 is 1 BC. */
  readonly year: number;
  readonly month: number;
  readonly day: number;
}

function value(text: string): ParseResult {
  return { kind: "value", text };
}

function isInfinite(text: string): boolean {
  return text === "infinity" || text === "-infinity";
}

function readDay(text: string): Day | null {
  const match = /^([+-]?\d{4,})-(\d\d)-(\d\d)$/.exec(text);
  return match === null ? null : { year: Number(match[1]), month: Number(match[2]), day: Number(match[3]) };
}

function spellDay({ year, month, day }: Day): string {
  const shown = String(year > 0 ? year : 1 - year).padStart(4, "0");
  return `${shown}-${String(month).padStart(2, "0")}-${String(day).padStart(2, "0")}`;
}

function eraOf({ year }: Day): string {
  return year > 0 ? "" : " BC";
}

function isInRange(day: Day, lastYear: number): boolean {
  const [year, month, first] = FIRST_DAY;
  if (day.year > lastYear || day.year < year) return false;
  return day.year > year || day.month > month || (day.month === month && day.day >= first);
}

function nextDay({ year, month, day }: Day): Day {
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const length = month === 2 ? (isLeap ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31;
  if (day < length) return { year, month, day: day + 1 };
  return month < 12 ? { year, month: month + 1, day: 1 } : { year: year + 1, month: 1, day: 1 };
}

/** Rounds `HH:MM:SS[.f]` to `precision` digits of a second; `carry` tells that midnight was reached, and then the clock is 00:00:00. */
function roundClock(text: string, precision: number, halvesDown: boolean): { readonly clock: string; readonly carry: boolean } {
  const [whole = "00:00:00", fraction = ""] = text.split(".");
  if (precision < 0 || fraction.length <= precision) return { clock: text, carry: false };
  const unit = 10 ** (6 - precision);
  const micros = Number(fraction.padEnd(6, "0"));
  const rounded = (halvesDown ? Math.ceil((micros - unit / 2) / unit) : Math.floor((micros + unit / 2) / unit)) * unit;
  const [hours = 0, minutes = 0, seconds = 0] = whole.split(":").map(Number);
  const total = (hours * 60 + minutes) * 60 + seconds + (rounded === 1_000_000 ? 1 : 0);
  const carry = total === 86_400;
  const spelled = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60]
    .map((part) => String(part).padStart(2, "0"))
    .join(":");
  const rest = rounded === 1_000_000 || rounded === 0 ? "" : `.${String(rounded).padStart(6, "0").replace(/0+$/, "")}`;
  return { clock: carry ? "00:00:00" : spelled + rest, carry };
}

function within(part: string | undefined, limit: number): boolean {
  return part === undefined || Math.abs(Number(part)) < limit;
}

function sameSign(parts: readonly (string | undefined)[]): boolean {
  const given = parts.filter((part) => part !== undefined);
  return given.every((part) => part.startsWith("-")) || given.every((part) => !part.startsWith("-"));
}
