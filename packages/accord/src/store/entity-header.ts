import type { CanonicalField, Provenance } from "@accord/core";
import type { StoredEntity, StoredMember } from "@accord/engine/store";
import { HEADERS_KEPT_MAX } from "./limits.ts";

/** What the header of an entity's row says: all that is small, regular, and alike in the records of one page. */
export interface EntityHeader {
  /** The version of the sync's configuration in whose field order the row was written. [S51] */
  readonly layout: number;
  readonly version: number;
  readonly fieldVersions: readonly number[];
  readonly provenances: readonly Provenance[];
  /** By side; null where the entity has no member. */
  readonly acks: readonly (readonly number[] | null)[];
}

/** What of an entity its header tells. */
interface HeaderParts extends Pick<StoredEntity, "version"> {
  readonly fields: readonly HeaderField[];
  readonly members: readonly (Pick<StoredMember, "ack"> | null)[];
}
type HeaderField = Pick<CanonicalField, "version" | "provenance">;

const CAUSES: readonly Provenance["cause"][] = ["user", "initial", "policy", "decision", "undo"];

/**
 * `layout version|field versions|provenances|provenance by field|acks of side 0|acks of side 1 …`. Lists of numbers count what repeats: `1*10,2`. Provenances: the different
 * ones, `side cause from to` separated by `;`; by field: nothing where there is one only. Acks: `=` where all equal the field's version, nothing where there is no member.
 */
export function writeHeader({ version, fields, members }: HeaderParts, layout: number): string {
  let text = `${layout} ${version}|${writeVersions(fields)}|${writeProvenances(fields)}`;
  for (const member of members) {
    if (member === null) text += "|";
    else text += isLevel(member.ack, fields) ? "|=" : `|${writeNumbers(member.ack)}`;
  }
  return text;
}

/** The version of the sync's configuration in whose field order a row was written. */
export function layoutOf(header: string): number {
  return Number.parseInt(header, 10);
}

/** A header with the acknowledgements of one side's member as they are now. */
export function withAcks(header: string, side: number, ack: readonly number[]): string {
  const versionsAt = header.indexOf("|") + 1;
  const versionsEnd = header.indexOf("|", versionsAt);
  let at = header.indexOf("|", header.indexOf("|", versionsEnd + 1) + 1) + 1;
  for (let place = 0; place < side; place += 1) at = header.indexOf("|", at) + 1;
  const end = header.indexOf("|", at);
  const acks = writeNumbers(ack);
  // Equal lists are equal texts.
  const isEqual = acks === header.slice(versionsAt, versionsEnd);
  return `${header.slice(0, at)}${isEqual ? "=" : acks}${end === -1 ? "" : header.slice(end)}`;
}

/** Reads headers, remembering those seen last: the records of a page share theirs. */
export function createHeaderReader(): (text: string) => EntityHeader {
  const kept = new Map<string, EntityHeader>();
  return (text) => {
    const known = kept.get(text);
    if (known !== undefined) return known;
    if (kept.size >= HEADERS_KEPT_MAX) kept.clear();
    const header = readHeader(text);
    kept.set(text, header);
    return header;
  };
}

/** The inverse of {@link writeHeader}. */
export function readHeader(text: string): EntityHeader {
  const [numbers = "", versions = "", provenances = "", places = "", ...acks] = text.split("|");
  const [layout = 0, version = 0] = numbers.split(" ").map(Number);
  const fieldVersions = readNumbers(versions);
  const distinct = provenances === "" ? [] : provenances.split(";").map(readProvenance);
  const first = distinct[0];
  const byField = places === "" ? fieldVersions.map(() => first) : readNumbers(places).map((place) => distinct[place]);
  return {
    layout,
    version,
    fieldVersions,
    provenances: byField.map((provenance) => provenance ?? NO_PROVENANCE),
    acks: acks.map((ack) => (ack === "" ? null : ack === "=" ? fieldVersions : readNumbers(ack))),
  };
}

const NO_PROVENANCE: Provenance = { side: null, cause: "initial", fromMs: 0, toMs: 0 };

/** `3*12,4`: twelve times three, then four. */
function writeNumbers(numbers: readonly number[]): string {
  let text = "";
  let times = 0;
  for (let index = 0; index < numbers.length; index += 1) {
    times += 1;
    if (numbers[index] === numbers[index + 1]) continue;
    text += runText(index + 1 === times, numbers[index], times);
    times = 0;
  }
  return text;
}

/** The same of the fields' versions. */
function writeVersions(fields: readonly HeaderField[]): string {
  let text = "";
  let times = 0;
  for (let index = 0; index < fields.length; index += 1) {
    const version = fields[index]?.version;
    times += 1;
    if (version === fields[index + 1]?.version) continue;
    text += runText(index + 1 === times, version, times);
    times = 0;
  }
  return text;
}

function runText(isFirst: boolean, value: number | undefined, times: number): string {
  const run = times === 1 ? String(value) : `${value}*${times}`;
  return isFirst ? run : `,${run}`;
}

function readNumbers(text: string): readonly number[] {
  const numbers: number[] = [];
  if (text === "") return numbers;
  for (const run of text.split(",")) {
    const [value, times] = run.split("*");
    for (let count = times === undefined ? 1 : Number(times); count > 0; count -= 1) numbers.push(Number(value));
  }
  return numbers;
}

/** The different ones, and behind a bar which of them each field has. */
function writeProvenances(fields: readonly HeaderField[]): string {
  const distinct: Provenance[] = [];
  let text = "";
  let places = "";
  let place = 0;
  let times = 0;
  for (let index = 0; index < fields.length; index += 1) {
    const provenance = fields[index]?.provenance ?? NO_PROVENANCE;
    let own = place;
    if (distinct[place] !== provenance) {
      own = 0;
      while (own < distinct.length && !isSame(distinct[own], provenance)) own += 1;
      if (own === distinct.length) {
        distinct.push(provenance);
        text += own === 0 ? writeProvenance(provenance) : `;${writeProvenance(provenance)}`;
      }
    }
    if (own !== place && times > 0) {
      places += runText(places === "", place, times);
      times = 0;
    }
    place = own;
    times += 1;
  }
  return distinct.length <= 1 ? `${text}|` : `${text}|${places}${runText(places === "", place, times)}`;
}

function isSame(one: Provenance | undefined, other: Provenance): boolean {
  if (one === other) return true;
  return one?.fromMs === other.fromMs && one.toMs === other.toMs && one.side === other.side && one.cause === other.cause;
}

function writeProvenance({ side, cause, fromMs, toMs }: Provenance): string {
  return `${side ?? ""} ${CAUSES.indexOf(cause)} ${fromMs} ${toMs}`;
}

function readProvenance(text: string): Provenance {
  const [side = "", cause = "", fromMs = "", toMs = ""] = text.split(" ");
  return { side: side === "" ? null : Number(side), cause: CAUSES[Number(cause)] ?? "initial", fromMs: Number(fromMs), toMs: Number(toMs) };
}

/** Whether a member reflects every field as it is. */
function isLevel(acks: readonly number[], fields: readonly HeaderField[]): boolean {
  if (acks.length !== fields.length) return false;
  for (let index = 0; index < acks.length; index += 1) if (acks[index] !== fields[index]?.version) return false;
  return true;
}
