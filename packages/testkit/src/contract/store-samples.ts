import { writeImage, type CanonicalField, type EntityId } from "@accord/core";
import type {
  Changes,
  Due,
  Intent,
  JournalEntry,
  Lease,
  Mark,
  Pull,
  Store,
  StoredEntity,
  StoredMember,
  SyncConfiguration,
  SyncId,
} from "@accord/engine/store";
import type { CallOptions } from "@accord/engine/connector";
import { NO_CHANGES } from "../fake/store/no-changes.ts";

/** A moment for tests. Epoch milliseconds. */
export const AT = 1_790_000_000_000;

export const call: CallOptions = { signal: new AbortController().signal };

/** Two sides with integer keys and one with texts, two fields, two match rules. */
export const CONFIGURATION: SyncConfiguration = {
  digest: "one",
  body: "{}",
  sides: [
    { connection: "crm", object: "contacts", keyOrder: "integer", columns: ["a", "b"] },
    { connection: "erp", object: "customers", keyOrder: "bytes", columns: ["a", "b"] },
  ],
  fields: ["name", "note"],
  matchRules: 2,
};

export { NO_CHANGES };

export function sampleMark(sync: SyncId, record: string, changed: Partial<Mark> = {}): Mark {
  return {
    sync,
    side: 0,
    record,
    kind: "image",
    image: writeImage([`name of ${record}`, "note"]),
    position: "p1",
    renamedFrom: null,
    fromMs: AT,
    toMs: AT,
    keys: null,
    notBeforeMs: 0,
    ...changed,
  };
}

export function pullOf(...marks: readonly Mark[]): Pull {
  return { marks, cursor: null, listing: null };
}

export function sampleField(value: CanonicalField["value"], changed: Partial<CanonicalField> = {}): CanonicalField {
  return { value, version: 1, provenance: { side: 0, cause: "user", fromMs: AT, toMs: AT }, review: null, adds: null, ...changed };
}

export function sampleMember(record: string | null, changed: Partial<StoredMember> = {}): StoredMember {
  return {
    state: "live",
    record,
    incarnation: 1,
    image: writeImage([`name of ${record ?? "nobody"}`, "note"]),
    ack: [1, 1],
    position: "p1",
    seenAtMs: AT,
    intent: null,
    retired: [],
    ...changed,
  };
}

export function sampleEntity(
  sync: SyncId,
  id: EntityId,
  records: readonly [string | null, string | null],
  changed: Partial<StoredEntity> = {},
): StoredEntity {
  return {
    id,
    sync,
    life: { kind: "live" },
    version: 1,
    fields: [sampleField("Ada"), sampleField(null)],
    review: null,
    members: records.map((record) => (record === null ? null : sampleMember(record))),
    ...changed,
  };
}

export function sampleDue(sync: SyncId, entity: EntityId, changed: Partial<Due & { keepAge: boolean }> = {}): Changes["due"][number] {
  return {
    sync,
    side: 1,
    entity,
    state: "ready",
    notBeforeMs: 0,
    sinceMs: AT,
    attempts: 0,
    code: null,
    reason: null,
    waitsFor: null,
    undo: null,
    keepAge: false,
    ...changed,
  };
}

export function sampleIntent(sync: SyncId, entity: EntityId, id: string, changed: Partial<Intent> = {}): Intent {
  return {
    id,
    sync,
    side: 1,
    entity,
    kind: "update",
    record: "x",
    fields: [{ field: 0, version: 3 }],
    set: [
      { column: 0, cell: "a\tb" },
      { column: 3, cell: null },
    ],
    expect: [{ column: 0, cell: "" }],
    attempt: 2,
    run: 7,
    openedAtMs: AT,
    deadlineMs: AT + 1_000,
    ...changed,
  };
}

export function sampleEntry(sync: SyncId, entity: EntityId | null, changed: Partial<JournalEntry> = {}): JournalEntry {
  return { run: null, atMs: AT, sync, entity, side: 0, kind: "merge", payload: '{"kind":"taken"}', ...changed };
}

/** Opens the sample sync and takes a lease to commit under. */
export async function beginSample(
  store: Store,
): Promise<{ readonly sync: SyncId; readonly lease: Lease; readonly commit: (changes: Partial<Changes>) => Promise<void> }> {
  const { id } = await store.openSync("customers", CONFIGURATION, call);
  const lease = await store.takeLease("shard:0", "test", AT + 60_000, AT, call);
  if (lease === null) throw new Error("nobody else holds the lease of a new store");
  return { sync: id, lease, commit: async (changes) => store.commit(lease, { ...NO_CHANGES, ...changes }, call) };
}

/** Every mark of every shard that is ready. */
export async function allMarks(store: Store, nowMs = AT): Promise<Awaited<ReturnType<Store["loadMarks"]>>> {
  const { shards } = await store.identity();
  const found = [];
  for (let shard = 0; shard < shards; shard += 1) found.push(...(await store.loadMarks(shard, 100, nowMs, call)));
  return found;
}

/** New entity ids of one shard. */
export async function idsOfShard(store: Store, shard: number, count: number): Promise<EntityId[]> {
  const found: EntityId[] = [];
  while (found.length < count) {
    const first = await store.reserveEntities(CHUNK, call);
    for (let id = first; id < first + CHUNK; id += 1) if (store.shardOf(id) === shard) found.push(id);
  }
  return found.slice(0, count);
}
const CHUNK = 512;
