import { compareCivil } from "./civil.ts";
import { compareCodeUnits, invalid, valid } from "./identity-type.ts";
import { readStamp, spellStamp } from "./stamp.ts";
import type { Stamp } from "./stamp.ts";
import type { ParseResult, ValueType } from "./value-type.ts";
import { zoneName, zoneOffsetSeconds } from "./zone.ts";

/**
 * A moment and the time zone in which it is meant (RFC 9557): `2024-01-01T00:00:00+01:00[Europe/Berlin]`. Equal when both moment and zone are; ordered by
 * moment, then by the zone's name. An offset is required and settles the moment; the one written is the zone's own at that moment, so that there is one
 * spelling. Should a new zone database move a future offset, texts stored before stay equal to texts read after.
 */
export const zonedType: ValueType = {
  name: "zoned",
  version: 1,
  parse: parseZoned,
  equal: (a, b) => a === b || momentAndZone(a) === momentAndZone(b),
  order: compareZoned,
  hash: momentAndZone,
  key: momentAndZone,
};

const MILLISECONDS_PER_DAY = 86_400_000;

function parseZoned(text: string): ParseResult {
  const trimmed = text.trim();
  const bracket = trimmed.indexOf("[");
  if (bracket === -1 || !trimmed.endsWith("]")) return invalid("not a date and time with an offset and a [Zone/Name]");
  const zone = zoneName(trimmed.slice(bracket + 1, -1));
  if (zone === null) return invalid("a time zone that this machine does not know");
  const stamp = readStamp(trimmed.slice(0, bracket));
  if (stamp === null) return invalid("not a date and time with an offset, or finer than a microsecond");
  if (stamp.offsetSeconds === null) return invalid("a date and time without an offset from UTC");
  const spelled = spellInZone(stamp, stamp.offsetSeconds, zone);
  return spelled === null ? invalid("a moment outside the years that time zones are known for") : valid(spelled);
}

function spellInZone(stamp: Stamp, writtenOffsetSeconds: number, zone: string): string | null {
  const epochMilliseconds = stamp.days * MILLISECONDS_PER_DAY + Math.floor(stamp.micros / 1000) - writtenOffsetSeconds * 1000;
  const offsetSeconds = zoneOffsetSeconds(zone, epochMilliseconds);
  if (offsetSeconds === null) return null;
  const local = spellStamp(stamp, offsetSeconds - writtenOffsetSeconds);
  return local === null ? null : `${local}${spellOffset(offsetSeconds)}[${zone}]`;
}

/** The instant in UTC and the zone: what two canonical texts share exactly when they are equal. */
function momentAndZone(text: string): string {
  const bracket = text.indexOf("[");
  return `${momentOf(text, bracket)}${text.slice(bracket)}`;
}

function compareZoned(a: string, b: string): number {
  const bracketA = a.indexOf("[");
  const bracketB = b.indexOf("[");
  const byMoment = compareCivil(momentOf(a, bracketA), momentOf(b, bracketB));
  return byMoment === 0 ? compareCodeUnits(a.slice(bracketA), b.slice(bracketB)) : byMoment;
}

function momentOf(text: string, bracket: number): string {
  const local = text.slice(0, bracket);
  const stamp = readStamp(local);
  const utc = stamp === null ? null : spellStamp(stamp, 0 - (stamp.offsetSeconds ?? 0));
  return utc === null ? local : `${utc}Z`;
}

/** Hours and minutes, and seconds where there are any: local mean time before the zones were made. */
function spellOffset(offsetSeconds: number): string {
  const total = Math.abs(offsetSeconds);
  const parts = [Math.floor(total / 3600), Math.floor(total / 60) % 60];
  if (total % 60 !== 0) parts.push(total % 60);
  return (offsetSeconds < 0 ? "-" : "+") + parts.map((part) => String(part).padStart(2, "0")).join(":");
}
