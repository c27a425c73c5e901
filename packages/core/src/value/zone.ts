/** The names of time zones and their offsets, from the platform's own zone database (`Intl`). */

const OFFSET_ZONE = /^[+-]\d{2}:\d{2}$/;
const ZONE_NAME = /^[a-z\d_+-]+(?:\/[a-z\d_+-]+){0,2}$/i;
/** Words that the database writes otherwise than with one capital at the front. */
const ODD_WORDS: ReadonlyMap<string, string> = new Map(
  (
    "of es au IN SU ACT NSW LHI US GB NZ CHAT ROC ROK PRC BajaNorte BajaSur ComodRivadavia DeNoronha DumontDUrville EasterIsland McMurdo " +
    "GMT GMT0 UTC UCT EST MST HST CET MET EET WET EST5EDT CST6CDT MST7MDT PST8PDT"
  )
    .split(" ")
    .map((word) => [word.toLowerCase(), word]),
);
const WORDS = /[a-z\d]+/g;

/** Beyond this distance from 1970 `Intl` has no answer. */
const MILLISECONDS_MAX = 8.64e15;

const formatters = new Map<string, Intl.DateTimeFormat>();

/**
 * The one spelling of a zone's name (`europe/berlin` is Europe/Berlin), or null where the platform knows no such zone. Two names of one zone (Asia/Calcutta,
 * Asia/Kolkata) stay two: which is the main one changes with the database, and stored values must not.
 */
export function zoneName(text: string): string | null {
  const name = OFFSET_ZONE.test(text) ? text : spellName(text);
  return name === null || zoneFormatter(name) === null ? null : name;
}

/** Local time minus UTC in seconds at an instant in a zone that {@link zoneName} has accepted; null too far from now. */
export function zoneOffsetSeconds(zone: string, epochMilliseconds: number): number | null {
  const formatter = Math.abs(epochMilliseconds) > MILLISECONDS_MAX ? null : zoneFormatter(zone);
  const text = formatter?.formatToParts(epochMilliseconds).find((part) => part.type === "timeZoneName")?.value;
  if (text === undefined) return null;
  // "GMT", "GMT+01:00" or, before standard time, "GMT+00:53:28".
  const [hours = "0", minutes = "0", seconds = "0"] = text.slice("GMT+".length).split(":");
  const total = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  return text.startsWith("GMT-") ? 0 - total : total;
}

function spellName(text: string): string | null {
  if (!ZONE_NAME.test(text)) return null;
  return text.toLowerCase().replace(WORDS, (word) => ODD_WORDS.get(word) ?? word.charAt(0).toUpperCase() + word.slice(1));
}

/** Making a formatter costs some fifty microseconds, and there are only some six hundred names: each is made once. */
function zoneFormatter(name: string): Intl.DateTimeFormat | null {
  const known = formatters.get(name);
  if (known !== undefined) return known;
  try {
    const formatter = new Intl.DateTimeFormat("en-US", { timeZone: name, timeZoneName: "longOffset" });
    formatters.set(name, formatter);
    return formatter;
  } catch {
    // A RangeError is how `Intl` says that there is no such zone.
    return null;
  }
}
