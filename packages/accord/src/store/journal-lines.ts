import { hash } from "node:crypto";
import { readImage } from "@accord/core";
import { assert } from "@accord/engine/connector";
import type { JournalEntry, JournalKind, JournalRow } from "@accord/engine/store";

/** In the order of their numbers in the lines. */
export const KINDS: readonly JournalKind[] = [
  "merge",
  "write",
  "refused",
  "decision",
  "undo",
  "guard",
  "configuration",
  "recovery",
  "contact",
];

/** Every change of a record leaves entries of these; all others are few, and looked for by their kind. */
const COMMON: ReadonlySet<JournalKind> = new Set(["merge", "write", "contact"]);

/** The bit of a kind of which there are few; 0 for one of which there are many. */
export function rareBit(kind: JournalKind): number {
  return COMMON.has(kind) ? 0 : 1 << KINDS.indexOf(kind);
}

/** What of an entry is not erased with its payload. */
export interface EntryHeader {
  readonly run: number | null;
  readonly atMs: number;
  readonly sync: number;
  readonly entity: number | null;
  readonly side: number | null;
  readonly kind: number;
  /** The entry before of the same entity. */
  readonly previous: number | null;
}

/** An entry as its block holds it. */
export interface EntryLine {
  readonly header: EntryHeader;
  /** The same as it stands in the line. */
  readonly headerText: string;
  readonly salt: string | null;
  /** Null where it was erased. */
  readonly payload: string | null;
  /** Of salt and payload: kept where they were erased, else worked out. */
  readonly digest: string;
}

/** `run TAB at TAB sync TAB entity TAB side TAB kind TAB previous`. */
export function headerText({ run, atMs, sync, entity, side, kind }: Omit<JournalEntry, "payload">, previous: number | null): string {
  return `${run ?? NULL}\t${atMs}\t${sync}\t${entity ?? NULL}\t${side ?? NULL}\t${KINDS.indexOf(kind)}\t${previous ?? NULL}`;
}
const HEADER_CELLS = 7;

const NULL = "\\N";
/** In place of salt and payload. */
const ERASED = `${NULL}\t${NULL}\t`;

/** `header TAB salt TAB payload`. JSON holds no line ends, so the payload stands as it is. Where it was erased, null, null and the digest end it. [S64] */
export function writeEntryLine(header: string, salt: string, payload: string): string {
  assert(!payload.includes("\n"), "a payload is one line of JSON");
  return `${header}\t${salt}\t${payload}`;
}

export function readEntryLine(line: string): EntryLine {
  const text = cellsOf(line, HEADER_CELLS);
  const [run, atMs, sync, entity, side, kind, previous] = readImage(text);
  const [salt, payload, digest] = restOf(line.slice(text.length + 1));
  const header = {
    run: numberOf(run),
    atMs: Number(atMs),
    sync: Number(sync),
    entity: numberOf(entity),
    side: numberOf(side),
    kind: Number(kind),
    previous: numberOf(previous),
  };
  return {
    header,
    headerText: text,
    salt,
    payload,
    digest: digest ?? payloadDigest(salt ?? "", payload ?? ""),
  };
}

function restOf(text: string): readonly [salt: string | null, payload: string | null, digest: string | null] {
  if (text.startsWith(ERASED)) return [null, null, text.slice(ERASED.length)];
  const end = text.indexOf("\t");
  return [text.slice(0, end), text.slice(end + 1), null];
}

/** The text of an image's first cells. */
function cellsOf(image: string, count: number): string {
  let end = -1;
  for (let cell = 0; cell < count; cell += 1) end = image.indexOf("\t", end + 1);
  return image.slice(0, end);
}

function numberOf(cell: string | null | undefined): number | null {
  return cell === null || cell === undefined ? null : Number(cell);
}

export function payloadDigest(salt: string, payload: string): string {
  return hash("sha256", `${salt}${payload}`, "hex");
}

/** What an entry adds to its block's link of the chain: its header and a digest, so that erasing the payload breaks nothing. [S64] */
export function linkLine(sequence: number, header: string, digest: string): string {
  return `${sequence}\t${header}\t${digest}`;
}

/** One link of the chain: sha256 over the link before and the lines of one block's entries. */
export function chainLink(before: string, lines: readonly string[]): string {
  return hash("sha256", `${before}\n${lines.join("\n")}`, "hex");
}

export function rowOf(sequence: number, { header, payload }: EntryLine): JournalRow {
  const { run, atMs, sync, entity, side, kind } = header;
  return { sequence, run, atMs, sync, entity, side, kind: KINDS[kind] ?? "merge", payload: payload ?? "", payloadErased: payload === null };
}
