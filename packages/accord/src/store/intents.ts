import type { SQLInputValue } from "node:sqlite";
import type { EntityId, SideIndex } from "@accord/core";
import type { Changes, Intent, LoadedIntent, Shard, SyncId } from "@accord/engine/store";
import type { Catalogue } from "./catalogue.ts";
import { readPatches, writePatches } from "./due.ts";
import type { EntityReader } from "./entity-read.ts";
import { SET_SIZE_MAX } from "./limits.ts";
import type { BulkInsert, Session } from "./session.ts";

const INTENT: BulkInsert = {
  into: "intent (id, side, entity, shard, kind, record, run, attempt, opened_at_ms, deadline_ms, fields, cells, expected)",
  width: 13,
  conflict: "",
};

/** Opens and closes intents. A second open intent of one member is refused by the table. [S3, S29] */
export function writeIntents(
  session: Session,
  catalogue: Catalogue,
  shards: number,
  changes: Pick<Changes, "intentsOpened" | "intentsClosed">,
): void {
  for (let at = 0; at < changes.intentsClosed.length; at += SET_SIZE_MAX) {
    session.run(
      "DELETE FROM intent WHERE id IN (SELECT value FROM json_each(?))",
      JSON.stringify(changes.intentsClosed.slice(at, at + SET_SIZE_MAX)),
    );
  }
  const cells: SQLInputValue[] = [];
  for (const intent of changes.intentsOpened) {
    const { id, sync, side, entity, kind, record, run, attempt, openedAtMs, deadlineMs, set, expect } = intent;
    cells.push(id, catalogue.side(sync, side).number, entity, entity % shards, kind, record, run, attempt, openedAtMs, deadlineMs);
    cells.push(intent.fields.map(({ field, version }) => `${field} ${version}`).join(","), writePatches(set), writePatches(expect));
  }
  session.insert(INTENT, cells);
}

export function loadOpenIntents(session: Session, catalogue: Catalogue, reader: EntityReader, shard: Shard, limit: number): LoadedIntent[] {
  const rows = session.all<IntentRow>(
    `SELECT id, side, entity, kind, record, run, attempt, opened_at_ms, deadline_ms, fields, cells, expected FROM intent WHERE shard = ? ORDER BY opened_at_ms, seq LIMIT ?`,
    shard,
    limit,
  );
  const entities = reader.loadById(rows.map((row) => row[2]));
  return rows.flatMap((row) => {
    const stored = entities.get(row[2]);
    return stored === undefined ? [] : [{ ...intentOf(catalogue, row), stored }];
  });
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
