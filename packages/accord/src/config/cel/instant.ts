/** A point in time: microseconds since 1970-01-01T00:00:00Z, within the years 0001 to 9999 as CEL has them. */
export interface Instant {
  readonly kind: "instant";
  readonly microseconds: bigint;
}

/** A length of time in microseconds, negative for backwards. */
export interface Duration {
  readonly kind: "duration";
  readonly microseconds: bigint;
}

/** A point in time taken apart, in UTC. */
export interface CivilTime {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  /** 1 to 31. */
  readonly day: number;
  /** 0 is Sunday, as CEL counts. */
  readonly dayOfWeek: number;
  /** Seconds since midnight. */
  readonly secondOfDay: number;
  readonly microsecond: number;
}

const microsecondsPerSecond = 1_000_000n;
const secondsPerDay = 86_400;
const first = BigInt(daysFromCivil(1, 1, 1)) * BigInt(secondsPerDay) * microsecondsPerSecond;
const afterLast = BigInt(daysFromCivil(10_000, 1, 1)) * BigInt(secondsPerDay) * microsecondsPerSecond;

/** Makes an instant, or undefined outside the years 0001 to 9999. */
export function makeInstant(microseconds: bigint): Instant | undefined {
  return microseconds >= first && microseconds < afterLast ? { kind: "instant", microseconds } : undefined;
}

const instantForm = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):?(\d\d))(?:\[[^\]]{1,60}\])?$/u;

/**
 * Reads an RFC 3339 time with "Z" or an offset; a zone in brackets is allowed and ignored, since the offset decides.
 * Digits beyond microseconds are cut off. Undefined for any other text and for days that do not exist.
 */
export function parseInstant(text: string): Instant | undefined {
  if (text.length > 100) return undefined;
  const found = instantForm.exec(text);
  if (found === null) return undefined;
  const part = (index: number): number => Number(found[index] ?? "0");
  const [year, month, day, hour, minute, second] = [part(1), part(2), part(3), part(4), part(5), part(6)];
  if (!isDay(year, month, day) || hour > 23 || minute > 59 || second > 59) return undefined;
  if (part(9) > 23 || part(10) > 59) return undefined;
  const offset = (found[8] === "-" ? -1 : 1) * (part(9) * 3_600 + part(10) * 60);
  const seconds = daysFromCivil(year, month, day) * secondsPerDay + hour * 3_600 + minute * 60 + second - offset;
  const fraction = BigInt((found[7] ?? "").slice(0, 6).padEnd(6, "0"));
  return makeInstant(BigInt(seconds) * microsecondsPerSecond + fraction);
}

/** The canonical text: UTC, "YYYY-MM-DDTHH:MM:SS[.ffffff]Z", trailing zeros of the fraction left out. */
export function formatInstant(instant: Instant): string {
  const civil = civilTime(instant);
  const fraction = civil.microsecond === 0 ? "" : `.${pad(civil.microsecond, 6).replace(/0+$/u, "")}`;
  const { secondOfDay } = civil;
  const clock = [Math.floor(secondOfDay / 3_600), Math.floor(secondOfDay / 60) % 60, secondOfDay % 60];
  return `${formatDay(civil)}T${clock.map((part) => pad(part, 2)).join(":")}${fraction}Z`;
}

/** The day in UTC, "YYYY-MM-DD". */
export function formatDay(civil: CivilTime): string {
  return `${pad(civil.year, 4)}-${pad(civil.month, 2)}-${pad(civil.day, 2)}`;
}

/** Takes an instant apart, in UTC. */
export function civilTime(instant: Instant): CivilTime {
  const microsecondsPerDay = BigInt(secondsPerDay) * microsecondsPerSecond;
  const within = ((instant.microseconds % microsecondsPerDay) + microsecondsPerDay) % microsecondsPerDay;
  const days = Number((instant.microseconds - within) / microsecondsPerDay);
  return {
    ...civilFromDays(days),
    dayOfWeek: (((days + 4) % 7) + 7) % 7,
    secondOfDay: Number(within / microsecondsPerSecond),
    microsecond: Number(within % microsecondsPerSecond),
  };
}

/** Whether the text is a day that exists, "YYYY-MM-DD", year 0001 or later. */
export function isDate(text: string): boolean {
  const found = /^(\d{4})-(\d\d)-(\d\d)$/u.exec(text);
  return found !== null && isDay(Number(found[1]), Number(found[2]), Number(found[3]));
}

const durationParts = /(\d+)(?:\.(\d+))?(h|ms|us|µs|ns|m|s)/gu;
const durationForm = /^[+-]?(?:\d{1,12}(?:\.\d{1,9})?(?:h|ms|us|µs|ns|m|s)){1,8}$/u;
const nanosecondsByUnit: ReadonlyMap<string, bigint> = new Map([
  ["h", 3_600_000_000_000n],
  ["m", 60_000_000_000n],
  ["s", 1_000_000_000n],
  ["ms", 1_000_000n],
  ["us", 1_000n],
  ["µs", 1_000n],
  ["ns", 1n],
]);

/** Reads a CEL duration such as "1h30m" or "-1.5s"; what is below a microsecond is cut off. Undefined for other texts. */
export function parseDuration(text: string): Duration | undefined {
  if (text.length > 200 || !durationForm.test(text)) return undefined;
  let nanoseconds = 0n;
  for (const [, whole = "0", fraction = "", unit = ""] of text.matchAll(durationParts)) {
    const size = nanosecondsByUnit.get(unit) ?? 0n;
    nanoseconds += BigInt(whole) * size + (BigInt(fraction || "0") * size) / 10n ** BigInt(fraction.length);
  }
  return { kind: "duration", microseconds: (text.startsWith("-") ? -nanoseconds : nanoseconds) / 1_000n };
}

/** Days since 1970-01-01 of a day in the proleptic Gregorian calendar (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms"). */
function daysFromCivil(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

/** The inverse of `daysFromCivil`, from the same source. */
function civilFromDays(days: number): { readonly year: number; readonly month: number; readonly day: number } {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1_460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1,
  };
}

function isDay(year: number, month: number, day: number): boolean {
  if (year < 1 || month < 1 || month > 12 || day < 1) return false;
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const length = month === 2 ? (leap ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31;
  return day <= length;
}

function pad(value: number, width: number): string {
  return value.toString().padStart(width, "0");
}
