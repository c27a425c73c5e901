import type { SQLInputValue } from "node:sqlite";
import type { EntityId, SideIndex } from "@accord/core";
import type { Changes, Intent, LoadedIntent, Shard, SyncId } from "@accord/engine/store";
import type { Catalogue } from "./catalogue.ts";
import type { CommitContext } from "./commit-context.ts";
import { readPatches, writePatches } from "./due.ts";
import type { EntityReader } from "./entity-read.ts";
import type { OpenIntents } from "./open-intents.ts";
import type { BulkInsert, Session } from "./session.ts";

const INTENT: BulkInsert = {
  into: "intent (shard, side, entity, id, kind, record, run, attempt, opened_at_ms, deadline_ms, fields, cells, expected)",
  width: 13,
  conflict: "",
};

/** Opens and closes intents. A second open intent of one member is refused by the table. [S3, S29] */
export function writeIntents(
  { session, catalogue, intents, shardOf }: CommitContext,
  changes: Pick<Changes, "intentsOpened" | "intentsClosed">,
): void {
  intents.close(changes.intentsClosed);
  const cells: SQLInputValue[] = [];
  for (const intent of changes.intentsOpened) {
    const { id, sync, side, entity, kind, record, run, attempt, openedAtMs, deadlineMs, set, expect } = intent;
    const { number } = catalogue.side(sync, side);
    intents.note(id, number, entity);
    cells.push(shardOf(entity), number, entity, id, kind, record, run, attempt, openedAtMs, deadlineMs);
    cells.push(intent.fields.map(({ field, version }) => `${field} ${version}`).join(","), writePatches(set), writePatches(expect));
  }
  session.insert(INTENT, cells);
}

/** Oldest first. */
export function loadOpenIntents(
  session: Session,
  catalogue: Catalogue,
  reader: EntityReader,
  intents: OpenIntents,
  shard: Shard,
  limit: number,
): LoadedIntent[] {
  const rows = session.all<IntentRow>(
    `SELECT id, side, entity, kind, record, run, attempt, opened_at_ms, deadline_ms, fields, cells, expected FROM intent WHERE shard = ? ORDER BY opened_at_ms, side, entity LIMIT ?`,
    shard,
    limit,
  );
  for (const [id, side, entity] of rows) intents.note(id, side, entity);
  const entities = reader.loadById(rows.map((row) => row[2]));
  return rows.flatMap((row) => {
    const stored = entities.get(row[2]);
    return stored === undefined ? [] : [{ ...intentOf(catalogue, row), stored }];
  });
}

/** Whether the shard has an open intent whose outcome may be looked for by now. [S31] */
export function hasOverdueIntent(session: Session, shard: Shard, nowMs: number): boolean {
  return session.first("SELECT 1 FROM intent WHERE shard = ? AND deadline_ms <= ? LIMIT 1", shard, nowMs) !== undefined;
}

/** When the next open intent's deadline is over. */
export function nextDeadlineMs(session: Session, nowMs: number): number | null {
  return session.first<[number | null]>("SELECT min(deadline_ms) FROM intent WHERE deadline_ms > ?", nowMs)?.[0] ?? null;
}

/** Entities with an open create at a side. [S33, S35] */
export function openCreates(session: Session, catalogue: Catalogue, sync: SyncId, side: SideIndex): EntityId[] {
  const { number } = catalogue.side(sync, side);
  return session
    .all<[number]>("SELECT entity FROM intent WHERE side = ? AND kind = 'create' ORDER BY entity", number)
    .map(([entity]) => entity);
}

type IntentRow = [
  id: string,
  side: number,
  entity: number,
  kind: Intent["kind"],
  record: string | null,
  run: number,
  attempt: number,
  openedAtMs: number,
  deadlineMs: number,
  fields: string,
  cells: string,
  expected: string,
];

function intentOf(catalogue: Catalogue, row: IntentRow): Intent {
  const [id, number, entity, kind, record, run, attempt, openedAtMs, deadlineMs, fields, cells, expected] = row;
  const { sync, place } = catalogue.sideByNumber(number);
  return {
    id,
    sync,
    side: place,
    entity,
    kind,
    record,
    fields: fields === "" ? [] : fields.split(",").map(readFieldVersion),
    set: readPatches(cells),
    expect: readPatches(expected),
    attempt,
    run,
    openedAtMs,
    deadlineMs,
  };
}

function readFieldVersion(text: string): Intent["fields"][number] {
  const [field = 0, version = 0] = text.split(" ").map(Number);
  return { field, version };
}
