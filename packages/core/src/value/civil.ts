/**
 * Days and times of day as plain numbers, in the proleptic Gregorian calendar without leap seconds: what dates, timestamps and instants share.
 * Own arithmetic, because `Date` knows milliseconds only and ends in the year 275760; PostgreSQL's dates end in 5874897.
 */

/** Microseconds of one day. */
export const MICROS_PER_DAY = 86_400_000_000;
const MICROS_PER_SECOND = 1_000_000;

/** Years from −9999999 to 9999999 (astronomical: 0 is 1 BC): seven digits, beyond what PostgreSQL can hold. */
const YEAR_MAX = 9_999_999;

const DAYS_PER_ERA = 146_097;
const DAYS_FROM_MARCH_0000_TO_1970 = 719_468;
const MONTH_LENGTHS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Days since 1970-01-01 of a civil date, or null where there is no such date. */
export function daysOfDate(year: number, month: number, day: number): number | null {
  if (Math.abs(year) > YEAR_MAX || month < 1 || month > 12 || day < 1 || day > monthLength(year, month)) return null;
  // H. Hinnant, "chrono-compatible low-level date algorithms": years begin in March, so that the leap day ends one.
  const marchYear = month <= 2 ? year - 1 : year;
  const era = Math.floor(marchYear / 400);
  const yearOfEra = marchYear - era * 400;
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * DAYS_PER_ERA + dayOfEra - DAYS_FROM_MARCH_0000_TO_1970;
}

/** The canonical text of a day since 1970-01-01, or null where its year is out of range. The inverse of {@link daysOfDate}. */
export function dateOfDays(days: number): string | null {
  const shifted = days + DAYS_FROM_MARCH_0000_TO_1970;
  const era = Math.floor(shifted / DAYS_PER_ERA);
  const dayOfEra = shifted - era * DAYS_PER_ERA;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1;
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  return Math.abs(year) > YEAR_MAX ? null : spellDate(year, month, day);
}

/** Writes a date as ISO 8601 does: four digits from year 0 to 9999, else a sign and at least four. */
export function spellDate(year: number, month: number, day: number): string {
  const digits = String(Math.abs(year)).padStart(4, "0");
  const sign = year < 0 ? "-" : year > 9999 ? "+" : "";
  return `${sign}${digits}-${twoDigits(month)}-${twoDigits(day)}`;
}

/**
 * Microseconds since midnight, from 0 to a day's length (24:00:00 is a time too), or null where there is no such time.
 *
 * @param fraction the digits after the point of the seconds; digits finer than a microsecond must be zeros
 */
export function microsOfTime(hour: number, minute: number, second: number, fraction: string): number | null {
  const micros = microsOfFraction(fraction);
  if (micros === null || hour > 24 || minute > 59 || second > 59) return null;
  const total = ((hour * 60 + minute) * 60 + second) * MICROS_PER_SECOND + micros;
  return total > MICROS_PER_DAY ? null : total;
}

/** The canonical text of a time of day: `HH:MM:SS`, with a fraction where there is one, without its trailing zeros. */
export function timeOfMicros(micros: number): string {
  const seconds = Math.floor(micros / MICROS_PER_SECOND);
  const fraction = micros - seconds * MICROS_PER_SECOND;
  const clock = `${twoDigits(Math.floor(seconds / 3600))}:${twoDigits(Math.floor(seconds / 60) % 60)}:${twoDigits(seconds % 60)}`;
  if (fraction === 0) return clock;
  return `${clock}.${withoutTrailingZeros(String(fraction).padStart(6, "0"))}`;
}

/**
 * Orders canonical dates, timestamps and instants: by year, then by the rest, which is made of fixed places and a fraction without trailing zeros.
 * `-infinity` and `infinity` stand at the ends.
 */
export function compareCivil(a: string, b: string): number {
  if (a === b) return 0;
  const yearA = yearOf(a);
  const yearB = yearOf(b);
  if (yearA !== yearB) return yearA < yearB ? -1 : 1;
  // The final Z of an instant would sort above the point of a fraction.
  const restA = a.slice(a.indexOf("-", 1), a.endsWith("Z") ? -1 : undefined);
  const restB = b.slice(b.indexOf("-", 1), b.endsWith("Z") ? -1 : undefined);
  return restA < restB ? -1 : restA > restB ? 1 : 0;
}

/** Whether a canonical text is one of PostgreSQL's two infinities, which identify nothing. */
export function isInfinite(text: string): boolean {
  return text === "infinity" || text === "-infinity";
}

/** Reads `infinity`, `+infinity` or `-infinity` in any case; null for everything else. */
export function readInfinity(text: string): string | null {
  switch (text.toLowerCase()) {
    case "infinity":
    case "+infinity":
      return "infinity";
    case "-infinity":
      return "-infinity";
    default:
      return null;
  }
}

/** The astronomical year of a spelled one: PostgreSQL writes 44 BC where ISO 8601 writes -0043. Null for the year 0 BC, or a sign with BC. */
export function astronomicalYear(spelled: string, era: string | undefined): number | null {
  const year = Number(spelled);
  if (era === undefined) return year === 0 ? 0 : year;
  if (year < 1) return null;
  return era.toUpperCase() === "BC" ? 1 - year : year;
}

function monthLength(year: number, month: number): number {
  if (month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)) return 29;
  return MONTH_LENGTHS[month - 1] ?? 0;
}

function microsOfFraction(fraction: string): number | null {
  for (let at = 6; at < fraction.length; at += 1) if (fraction[at] !== "0") return null;
  return Number(fraction.slice(0, 6).padEnd(6, "0"));
}

function yearOf(text: string): number {
  if (text === "infinity") return Infinity;
  if (text === "-infinity") return -Infinity;
  return Number(text.slice(0, text.indexOf("-", 1)));
}

function withoutTrailingZeros(digits: string): string {
  let end = digits.length;
  while (end > 0 && digits[end - 1] === "0") end -= 1;
  return digits.slice(0, end);
}

function twoDigits(number: number): string {
  return number < 10 ? `0${number}` : String(number);
}
