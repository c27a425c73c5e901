import { createHash } from "node:crypto";
import type { CallOptions } from "@accord/engine/connector";
import type { DueKey } from "@accord/engine/store";
import { namedSyncs } from "./naming.ts";
import { usageError } from "./problems.ts";
import type { StoreSession } from "./session.ts";

/** Records that stand aside for one and the same cause. */
export interface ErrorGroup {
  /** Names the group on the command line; the same as long as its cause is. */
  readonly id: string;
  /** `parked`: a write that was refused or has no fitting value. `waiting`: for another record to be there. The others: a record that could not be taken in. */
  readonly kind: "parked" | "waiting" | "value" | "duplicate" | "reference" | "ambiguous" | "merged";
  readonly sync: string;
  readonly side: string;
  readonly code: string | null;
  /** In plain words; the system's own where it refused. */
  readonly reason: string;
  readonly count: number;
  /** ISO 8601. */
  readonly oldestAt: string;
  readonly records: readonly ErrorRecord[];
}

export interface ErrorRecord {
  readonly entity: number | null;
  readonly record: string | null;
  readonly at: string;
}

/** A group with the writes behind it. */
export interface KeyedGroup extends ErrorGroup {
  readonly keys: readonly DueKey[];
}

/** Records read at most; where more stand aside, these say enough. */
const RECORDS_MAX = 10_000;

/** All that stands aside, by cause, the largest group first. Reads the store alone. */
export async function errorGroups(session: StoreSession, options: CallOptions): Promise<readonly KeyedGroup[]> {
  const syncs = await namedSyncs(session, options);
  const drafts = new Map<string, { group: Omit<KeyedGroup, "count" | "oldestAt">; records: ErrorRecord[]; keys: DueKey[] }>();
  const add = (
    kind: ErrorGroup["kind"],
    where: { readonly sync: number; readonly side: number },
    code: string | null,
    reason: string,
    record: ErrorRecord,
    key: DueKey | null,
  ): void => {
    const sync = syncs.find(({ row }) => row.id === where.sync);
    const names = { sync: sync?.name ?? String(where.sync), side: sync?.sides[where.side] ?? String(where.side) };
    const id = createHash("sha256")
      .update(JSON.stringify([kind, names, code, reason]))
      .digest("hex")
      .slice(0, 6);
    const draft = drafts.get(id) ?? { group: { id, kind, ...names, code, reason, records: [], keys: [] }, records: [], keys: [] };
    drafts.set(id, draft);
    draft.records.push(record);
    if (key !== null) draft.keys.push(key);
  };
  for (const row of await session.store.listParked(RECORDS_MAX, options)) {
    const kind = row.state === "waiting" ? "waiting" : "parked";
    const record = { entity: row.entity, record: row.record, at: new Date(row.sinceMs).toISOString() };
    add(kind, row, row.code, row.reason ?? "no reason was given", record, { sync: row.sync, side: row.side, entity: row.entity });
  }
  for (const problem of await session.store.listProblems(RECORDS_MAX, options)) {
    add(
      problem.kind,
      problem,
      null,
      problem.reason,
      { entity: null, record: problem.record, at: new Date(problem.atMs).toISOString() },
      null,
    );
  }
  return [...drafts.values()]
    .map(({ group, records, keys }) => ({
      ...group,
      records,
      keys,
      count: records.length,
      oldestAt: records.map(({ at }) => at).toSorted()[0] ?? "",
    }))
    .toSorted((a, b) => b.count - a.count);
}

/** The group of this id. @throws ACCORD_USAGE */
export function groupOf(groups: readonly KeyedGroup[], id: string): KeyedGroup {
  const group = groups.find((candidate) => candidate.id === id);
  if (group !== undefined) return group;
  throw usageError(
    groups.length === 0
      ? `There is no group ${id}: nothing stands aside.`
      : `There is no group ${id}; accord errors lists those there are.`,
  );
}
