/** A record as its database shows it, by column; every value as text. */
export type CrashFields = Readonly<Record<string, string | null>>;

/** One change of one record, as a trigger in the database itself wrote it down, in the transaction that made it. */
export interface HistoryRow {
  /** Grows in commit order for the changes of one record. */
  readonly sequence: number;
  /** The user's operation that made it; null: nobody of the users, so Accord. */
  readonly operation: string | null;
  readonly kind: "insert" | "update" | "delete";
  readonly before: CrashFields | null;
  readonly after: CrashFields | null;
}

/** One committed write of a user, as that user's own log has it: written outside every database, and synced, after the commit. */
export interface UserLine {
  readonly operation: string;
  readonly side: string;
  readonly sequence: number;
  readonly kind: HistoryRow["kind"];
  readonly before: CrashFields | null;
  readonly after: CrashFields | null;
}

/** A value that Accord's conflict log says has lost, with the field. */
export interface LostValue {
  readonly field: string;
  readonly value: string;
}

export interface SideEvidence {
  readonly name: string;
  readonly rows: readonly CrashFields[];
  readonly history: readonly HistoryRow[];
  /** The last change when Accord had first seen and joined all that was there. Values from before meet by the initial policy. [S36] */
  readonly metAt: number;
  /** The last change when both sides had come to agree and the engine had said that nothing is left: what Accord writes after it breaks the quiet. */
  readonly quietFrom: number;
}

/** All that the checkers look at. Nothing of it is Accord's, but `conflicts`, which can only accuse: see {@link checkUpdates}. */
export interface Evidence {
  readonly sides: readonly [SideEvidence, SideEvidence];
  readonly log: readonly UserLine[];
  readonly conflicts: readonly LostValue[];
}

/** A broken invariant: which, and what was seen. `log`: databases and users tell different stories; `program`: Accord ended, or would not end, where it should not. */
export interface Violation {
  readonly rule: "I1" | "I2" | "I3" | "I4" | "I5" | "I6" | "I8" | "I10" | "I12" | "log" | "program";
  readonly what: string;
}

/** Mapped fields whose every user value is unique in the whole world, so that a value tells who wrote it. */
export const TEXT_FIELDS = ["name", "city", "note"] as const;
/** Mapped fields that add up. */
export const COUNTER = "points";
/** The column that no field maps. */
export const PRIVATE = "private";
export const MAPPED = ["code", ...TEXT_FIELDS, COUNTER] as const;

/** The changes of each thing at one side, in commit order, by its code. */
export function chainsOf(side: SideEvidence): ReadonlyMap<string, readonly HistoryRow[]> {
  const chains = new Map<string, HistoryRow[]>();
  for (const row of side.history.toSorted((a, b) => a.sequence - b.sequence)) {
    const code = (row.after ?? row.before)?.["code"] ?? "";
    const chain = chains.get(code);
    if (chain === undefined) chains.set(code, [row]);
    else chain.push(row);
  }
  return chains;
}

/** The side across. */
export function across(evidence: Evidence, side: SideEvidence): SideEvidence {
  return evidence.sides[0] === side ? evidence.sides[1] : evidence.sides[0];
}

/** Whether a change set the field: to another value, or with the record. */
export function sets(row: HistoryRow, field: string): boolean {
  return row.after !== null && (row.before === null || row.before[field] !== row.after[field]);
}
