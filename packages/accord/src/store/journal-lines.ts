import { hash } from "node:crypto";
import { readImage, writeImage } from "@accord/core";
import type { JournalKind, JournalRow } from "@accord/engine/store";

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
  readonly salt: string | null;
  /** Null where it was erased. */
  readonly payload: string | null;
  /** Of salt and payload: kept where they were erased, else worked out. */
  readonly digest: string;
}

/** `run TAB at TAB sync TAB entity TAB side TAB kind TAB previous TAB salt TAB payload`, as an image: no line ends in it. Where the payload was erased, null, null and the digest end it. [S64] */
export function writeEntryLine({ run, atMs, sync, entity, side, kind, previous }: EntryHeader, salt: string, payload: string): string {
  return `${run ?? NULL}\t${atMs}\t${sync}\t${entity ?? NULL}\t${side ?? NULL}\t${kind}\t${previous ?? NULL}\t${salt}\t${writeImage([payload])}`;
}

const NULL = "\\N";

export function readEntryLine(line: string): EntryLine {
  const [run, atMs, sync, entity, side, kind, previous, salt, payload, digest] = readImage(line);
  const header = {
    run: numberOf(run),
    atMs: Number(atMs),
    sync: Number(sync),
    entity: numberOf(entity),
    side: numberOf(side),
    kind: Number(kind),
    previous: numberOf(previous),
  };
  return { header, salt: salt ?? null, payload: payload ?? null, digest: digest ?? payloadDigest(salt ?? "", payload ?? "") };
}

function numberOf(cell: string | null | undefined): number | null {
  return cell === null || cell === undefined ? null : Number(cell);
}

export function payloadDigest(salt: string, payload: string): string {
  return hash("sha256", `${salt}${payload}`, "hex");
}

/** What an entry adds to its block's link of the chain: its header and a digest, so that erasing the payload breaks nothing. [S64] */
export function linkLine(sequence: number, header: EntryHeader, digest: string): string {
  const { run, atMs, sync, entity, side, kind, previous } = header;
  return `${sequence} ${run ?? ""} ${atMs} ${sync} ${entity ?? ""} ${side ?? ""} ${kind} ${previous ?? ""} ${digest}\n`;
}

/** One link of the chain: sha256 over the link before and the lines of one block's entries. */
export function chainLink(before: string, lines: string): string {
  return hash("sha256", `${before}\n${lines}`, "hex");
}

export function rowOf(sequence: number, { header, payload }: EntryLine): JournalRow {
  const { run, atMs, sync, entity, side, kind } = header;
  return { sequence, run, atMs, sync, entity, side, kind: KINDS[kind] ?? "merge", payload: payload ?? "", payloadErased: payload === null };
}
