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
  const versions: number[] = [];
  for (const field of fields) versions.push(field.version);
  let text = `${layout} ${version}|${writeNumbers(versions)}|${writeProvenances(fields)}`;
  for (const member of members) text += member === null ? "|" : `|${writeAcks(member.ack, versions)}`;
  return text;
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
  for (let from = 0; from < numbers.length;) {
    let to = from + 1;
    while (to < numbers.length && numbers[to] === numbers[from]) to += 1;
    if (from > 0) text += ",";
    text += to - from === 1 ? numbers[from] : `${numbers[from]}*${to - from}`;
    from = to;
  }
  return text;
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

function writeProvenances(fields: readonly HeaderField[]): string {
  let last: Provenance | null = null;
  let place = 0;
  const distinct: string[] = [];
  const places: number[] = [];
  for (const { provenance } of fields) {
    if (provenance !== last) {
      const text = writeProvenance(provenance);
      place = distinct.indexOf(text);
      if (place < 0) place = distinct.push(text) - 1;
      last = provenance;
    }
    places.push(place);
  }
  return `${distinct.join(";")}|${distinct.length <= 1 ? "" : writeNumbers(places)}`;
}

/** The header of an entity with a member more, where it had none. */
export function addAcks(header: string, side: number, ack: readonly number[]): string {
  const parts = header.split("|");
  parts[FIRST_ACKS + side] = writeAcks(ack, readNumbers(parts[1] ?? ""));
  return parts.join("|");
}

/** Before them: numbers, versions, provenances, provenance by field. */
const FIRST_ACKS = 4;

function writeProvenance({ side, cause, fromMs, toMs }: Provenance): string {
  return `${side ?? ""} ${CAUSES.indexOf(cause)} ${fromMs} ${toMs}`;
}

function readProvenance(text: string): Provenance {
  const [side = "", cause = "", fromMs = "", toMs = ""] = text.split(" ");
  return { side: side === "" ? null : Number(side), cause: CAUSES[Number(cause)] ?? "initial", fromMs: Number(fromMs), toMs: Number(toMs) };
}

function writeAcks(acks: readonly number[], versions: readonly number[]): string {
  let index = 0;
  while (index < versions.length && acks[index] === versions[index]) index += 1;
  return index === versions.length && acks.length === versions.length ? "=" : writeNumbers(acks);
}
