import type { CanonicalField, Provenance } from "@accord/core";
import type { StoredEntity } from "@accord/engine/store";
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

const CAUSES: readonly Provenance["cause"][] = ["user", "initial", "policy", "decision", "undo"];

/**
 * `layout version|field versions|provenances|provenance by field|acks of side 0|acks of side 1 …`. Field versions: one number where all are alike. Provenances: the different
 * ones, `side cause from to` separated by `;`; by field: nothing where there is one only. Acks: `=` where all equal the field's version, nothing where there is no member.
 */
export function writeHeader(entity: StoredEntity, layout: number): string {
  const { fields } = entity;
  return `${layout} ${entity.version}|${writeNumbers(fields.length, (index) => fields[index]?.version ?? 0)}|${writeProvenances(fields)}|${entity.members.map((member) => (member === null ? "" : writeAcks(member.ack, fields))).join("|")}`;
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

function readHeader(text: string): EntityHeader {
  const [numbers = "", versions = "", provenances = "", places = "", ...acks] = text.split("|");
  const [layout = 0, version = 0] = numbers.split(" ").map(Number);
  const fieldVersions = readNumbers(versions);
  const distinct = provenances === "" ? [] : provenances.split(";").map(readProvenance);
  const first = distinct[0];
  const byField = places === "" ? fieldVersions.map(() => first) : places.split(",").map((place) => distinct[Number(place)]);
  return {
    layout,
    version,
    fieldVersions: fieldVersions,
    provenances: byField.map((provenance) => provenance ?? NO_PROVENANCE),
    acks: acks.map((ack) => (ack === "" ? null : ack === "=" ? fieldVersions : readNumbers(ack))),
  };
}

const NO_PROVENANCE: Provenance = { side: null, cause: "initial", fromMs: 0, toMs: 0 };

/** `3*12`: twelve times three; else `1,2,3`. */
function writeNumbers(length: number, at: (index: number) => number): string {
  const first = length === 0 ? 0 : at(0);
  let index = 1;
  while (index < length && at(index) === first) index += 1;
  if (index >= length) return `${first}*${length}`;
  let text = String(first);
  for (index = 1; index < length; index += 1) text += `,${at(index)}`;
  return text;
}

function readNumbers(text: string): readonly number[] {
  const [value = "", times] = text.split("*");
  if (times !== undefined) return Array.from({ length: Number(times) }, () => Number(value));
  return text.split(",").map(Number);
}

function writeProvenances(fields: readonly CanonicalField[]): string {
  let last: Provenance | null = null;
  let lastPlace = 0;
  const distinct: string[] = [];
  let places = "";
  for (const { provenance } of fields) {
    if (provenance !== last) {
      const text = writeProvenance(provenance);
      lastPlace = distinct.indexOf(text);
      if (lastPlace < 0) lastPlace = distinct.push(text) - 1;
      last = provenance;
    }
    places += places === "" ? lastPlace : `,${lastPlace}`;
  }
  return `${distinct.join(";")}|${distinct.length <= 1 ? "" : places}`;
}

function writeProvenance({ side, cause, fromMs, toMs }: Provenance): string {
  return `${side ?? ""} ${CAUSES.indexOf(cause)} ${fromMs} ${toMs}`;
}

function readProvenance(text: string): Provenance {
  const [side = "", cause = "", fromMs = "", toMs = ""] = text.split(" ");
  return { side: side === "" ? null : Number(side), cause: CAUSES[Number(cause)] ?? "initial", fromMs: Number(fromMs), toMs: Number(toMs) };
}

function writeAcks(acks: readonly number[], fields: readonly CanonicalField[]): string {
  if (acks.length === fields.length && acks.every((ack, index) => ack === fields[index]?.version)) return "=";
  return writeNumbers(acks.length, (index) => acks[index] ?? 0);
}
