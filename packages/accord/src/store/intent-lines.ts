import type { EntityId, IntentId, RecordId, SideIndex } from "@accord/core";
import type { Intent, SyncId } from "@accord/engine/store";
import { readPatches, writePatches } from "./patches.ts";

/** One intent as its block holds it: a JSON array, so that SQLite can read it too (the view `intent`). */
export type IntentLine = readonly [
  id: IntentId,
  entity: EntityId,
  kind: Intent["kind"],
  record: RecordId | null,
  run: number,
  attempt: number,
  openedAtMs: number,
  deadlineMs: number,
  /** `field version,field version`. */
  fields: string,
  set: string,
  expect: string,
];

export function writeIntentLines(intents: readonly Intent[]): string {
  return JSON.stringify(
    intents.map(({ id, entity, kind, record, run, attempt, openedAtMs, deadlineMs, fields, set, expect }): IntentLine => {
      const versions = fields.map(({ field, version }) => `${field} ${version}`).join(",");
      return [id, entity, kind, record, run, attempt, openedAtMs, deadlineMs, versions, writePatches(set), writePatches(expect)];
    }),
  );
}

export function readIntentLines(body: string): readonly IntentLine[] {
  // Only writeIntentLines makes this text, and what was left of it.
  return JSON.parse(body) as readonly IntentLine[];
}

export function intentOf(line: IntentLine, sync: SyncId, side: SideIndex): Intent {
  const [id, entity, kind, record, run, attempt, openedAtMs, deadlineMs, fields, set, expect] = line;
  return {
    id,
    sync,
    side,
    entity,
    kind,
    record,
    fields: fields === "" ? [] : fields.split(",").map(readFieldVersion),
    set: readPatches(set),
    expect: readPatches(expect),
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
