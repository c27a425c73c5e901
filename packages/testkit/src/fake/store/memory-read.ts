import { compareRecordIds, writeImage, type EntityId, type RecordId, type SideIndex } from "@accord/core";
import type {
  DueCount,
  DueListing,
  DueQuery,
  EntityPage,
  HeldCreate,
  JournalQuery,
  JournalRow,
  KeyMatch,
  ListedMember,
  LoadedDue,
  LoadedMark,
  Seeker,
  Shard,
  StateCounts,
  StoredEntity,
  SyncId,
  PlannableListing,
} from "@accord/engine/store";
import { nameKey } from "@accord/engine/store";
import { dueKey, recordKey, type MemoryState } from "./memory-state.ts";
import { isWithRecord, shardOf, type MemoryView } from "./memory-view.ts";

const MATCHES_MAX = 3;

export function readyShards(view: MemoryView, nowMs: number): { readonly shards: readonly Shard[]; readonly nextAtMs: number | null } {
  const { state } = view;
  const shards = new Set<Shard>();
  const later: number[] = [];
  for (const { mark } of state.marks.values()) {
    if (view.intent(view.markEntity(mark), mark.side) !== null) continue;
    if (mark.notBeforeMs <= nowMs) shards.add(view.markShard(mark));
    else later.push(mark.notBeforeMs);
  }
  for (const { entity, notBeforeMs = 0 } of state.requests.values()) {
    if (notBeforeMs <= nowMs) shards.add(shardOf(entity));
    else later.push(notBeforeMs);
  }
  for (const due of state.due.values()) {
    if (view.isReadyDue(due, nowMs)) shards.add(shardOf(due.entity));
    else if (due.state === "ready" && view.intent(due.entity, due.side) === null) later.push(due.notBeforeMs);
  }
  for (const intent of state.intents.values()) {
    if (intent.deadlineMs <= nowMs) shards.add(shardOf(intent.entity));
    else later.push(intent.deadlineMs);
  }
  return { shards: [...shards].toSorted((a, b) => a - b), nextAtMs: later.length === 0 ? null : Math.min(...later) };
}

export function loadMarks(view: MemoryView, shard: Shard, limit: number, nowMs: number): LoadedMark[] {
  const loaded: LoadedMark[] = [];
  for (const { mark, sequence, attempts } of view.state.marks.values()) {
    if (view.markShard(mark) !== shard || mark.notBeforeMs > nowMs) continue;
    const id = view.markEntity(mark);
    if (view.intent(id, mark.side) !== null) continue;
    loaded.push({ ...mark, sequence, attempts, entity: id === null ? null : view.entity(id) });
  }
  return loaded.toSorted((a, b) => a.sequence - b.sequence).slice(0, limit);
}

export function findMatches(view: MemoryView, sync: SyncId, side: SideIndex, seekers: readonly Seeker[]): KeyMatch[][] {
  return seekers.map(({ record, keys }) =>
    keys.map((key, rule) =>
      key === null
        ? { entities: [], rivals: 0 }
        : { entities: entitiesWith(view, sync, side, rule, key), rivals: rivalsOf(view, sync, side, rule, key, record) },
    ),
  );
}

export function listNaming({ state }: MemoryView, sync: SyncId, named: EntityId, after: EntityId | null): EntityId[] {
  const key = nameKey(named);
  const found = [...state.keys].flatMap(([id, keys]) => (keys.includes(key) && state.entities.get(id)?.sync === sync ? [id] : []));
  return found.filter((id) => id > (after ?? 0)).toSorted((a, b) => a - b);
}

function entitiesWith({ state }: MemoryView, sync: SyncId, side: SideIndex, rule: number, key: string): EntityId[] {
  const found: EntityId[] = [];
  for (const [id, theirs] of state.keys) {
    const entity = state.entities.get(id);
    if (theirs[rule] !== key || entity?.sync !== sync || entity.life.kind !== "live" || isWithRecord(entity.members[side])) continue;
    found.push(id);
  }
  return found.toSorted((a, b) => a - b).slice(0, MATCHES_MAX);
}

/** Other unlinked records of the side with the key, waiting or set aside with a problem. [S36] */
function rivalsOf(view: MemoryView, sync: SyncId, side: SideIndex, rule: number, key: string, record: RecordId): number {
  const { state } = view;
  const rivals = new Set<RecordId>();
  for (const { mark } of state.marks.values())
    if (mark.sync === sync && mark.side === side && mark.keys?.[rule] === key) rivals.add(mark.record);
  for (const problem of state.problems.values()) {
    const keys = state.staged.get(recordKey(problem.sync, problem.side, problem.record));
    if (problem.sync === sync && problem.side === side && keys?.[rule] === key) rivals.add(problem.record);
  }
  rivals.delete(record);
  return [...rivals].filter((other) => view.liveLink(sync, side, other) === null).slice(0, MATCHES_MAX).length;
}

export function loadDue(view: MemoryView, { shard, sync, side, limit, nowMs }: DueQuery): LoadedDue[] {
  const rows = [...view.state.due.values()].filter(
    (due) => due.sync === sync && due.side === side && shardOf(due.entity) === shard && view.isReadyDue(due, nowMs),
  );
  return view.withEntities(
    rows.toSorted((a, b) => a.sinceMs - b.sinceMs || a.entity - b.entity),
    limit,
  );
}

export function listDue(view: MemoryView, { sync, side, states, after, limit }: DueListing): LoadedDue[] {
  const rows = [...view.state.due.values()].filter(
    (due) => due.sync === sync && due.side === side && states.includes(due.state) && due.entity > (after ?? 0),
  );
  return view.withEntities(
    rows.toSorted((a, b) => a.entity - b.entity),
    limit,
  );
}

/** Creates in short: see the port. */
export function listPlannable(view: MemoryView, listing: PlannableListing): (LoadedDue | HeldCreate)[] {
  return listDue(view, listing).map((due) => (isHeldCreate(view, due) ? heldCreate(due, listing.withValues) : due));
}

function isHeldCreate({ state }: MemoryView, due: LoadedDue): boolean {
  const { fields, members, review, life } = due.stored;
  const isStill = fields.every((field) => field.value !== undefined && field.review === null && field.adds === null);
  const isElsewhere = members.every((member, side) => member === null || (side !== due.side && member.state === "live"));
  const isFresh = due.state === "held" && due.undo === null && state.heldAt.get(dueKey(due)) === state.sync(due.sync).version;
  return isFresh && isStill && isElsewhere && review === null && life.kind === "live";
}

function heldCreate({ sync, side, entity, sinceMs, attempts, stored }: LoadedDue, withValues: boolean): HeldCreate {
  const values = withValues ? writeImage(stored.fields.map(({ value }) => value)) : "";
  const versions = stored.fields.map((field) => field.version);
  return { kind: "create", sync, side, entity, sinceMs, attempts, version: stored.version, values, versions };
}

export function countDue(view: MemoryView): DueCount[] {
  const counts = new Map<string, DueCount>();
  for (const { sync, side, state, sinceMs } of view.state.due.values()) {
    const key = `${sync}/${side}/${state}`;
    const row = counts.get(key) ?? { sync, side, state, count: 0, oldestSinceMs: sinceMs };
    counts.set(key, { ...row, count: row.count + 1, oldestSinceMs: Math.min(row.oldestSinceMs, sinceMs) });
  }
  const order = ["ready", "held", "waiting", "parked"];
  return [...counts.values()].toSorted((a, b) => a.sync - b.sync || a.side - b.side || order.indexOf(a.state) - order.indexOf(b.state));
}

export function listMembers(view: MemoryView, sync: SyncId, side: SideIndex, after: RecordId | null, limit: number): ListedMember[] {
  const order = view.state.sync(sync).configuration.sides[side]?.keyOrder ?? "bytes";
  const members = [...view.state.entities.values()].flatMap((entity): ListedMember[] => {
    const member = entity.members[side] ?? null;
    if (entity.sync !== sync || member === null || member.record === null) return [];
    if (after !== null && compareRecordIds(order, member.record, after) <= 0) return [];
    const hasIntent = view.intent(entity.id, side) !== null;
    return [{ record: member.record, entity: entity.id, state: member.state, image: member.image, hasIntent }];
  });
  return members.toSorted((a, b) => compareRecordIds(order, a.record, b.record)).slice(0, limit);
}

export function listBounds(view: MemoryView, sync: SyncId, side: SideIndex, every: number): RecordId[] {
  return listMembers(view, sync, side, null, Number.POSITIVE_INFINITY).flatMap(({ record }, index) =>
    (index + 1) % every === 0 ? [record] : [],
  );
}

export function scanEntities(view: MemoryView, sync: SyncId, after: EntityId | null, limit: number): EntityPage {
  const entities = listEntities(view, sync, after, limit);
  const sides = view.state.sync(sync).configuration.sides;
  return {
    ids: entities.map(({ id }) => id),
    values: entities.map(({ fields }) => writeImage(fields.map(({ value }) => value))),
    isPlain: entities.map(isPlain),
    members: sides.map((_, side) => ({
      records: entities.map(({ members }) => members[side]?.record ?? null),
      states: entities.map(({ members }) => members[side]?.state ?? "absent"),
      images: entities.map(({ members }) => members[side]?.image ?? null),
    })),
  };
}

function isPlain({ life, review, fields, members }: StoredEntity): boolean {
  return (
    life.kind === "live" &&
    review === null &&
    fields.every((field) => field.review === null && field.adds === null && field.deltas === undefined) &&
    members.every((member) => member === null || (member.record !== null && member.incarnation <= 1 && member.retired.length === 0))
  );
}

export function listEntities(view: MemoryView, sync: SyncId, after: EntityId | null, limit: number): StoredEntity[] {
  return [...view.state.entities.values()]
    .filter((entity) => entity.sync === sync && entity.id > (after ?? 0))
    .toSorted((a, b) => a.id - b.id)
    .slice(0, limit)
    .map(({ id }) => view.known(id));
}

export function listReviews({ state }: MemoryView, limit: number): { readonly sync: SyncId; readonly entity: EntityId }[] {
  return [...state.entities.values()]
    .flatMap((entity) => {
      const openedAtMs = [entity.review, ...entity.fields.map(({ review }) => review)].flatMap((review) =>
        review === null ? [] : [review.openedAtMs],
      );
      return openedAtMs.length === 0 ? [] : [{ entity, sinceMs: Math.min(...openedAtMs) }];
    })
    .toSorted((a, b) => a.sinceMs - b.sinceMs || a.entity.id - b.entity.id)
    .slice(0, limit)
    .map(({ entity }) => ({ sync: entity.sync, entity: entity.id }));
}

export function readJournal({ state }: MemoryView, query: JournalQuery): JournalRow[] {
  return state.journal
    .map((entry, index): JournalRow => ({ ...entry, sequence: index + 1, payloadErased: false }))
    .filter((row) => matchesQuery(state, row, query))
    .toReversed()
    .slice(0, query.limit);
}

function matchesQuery({ sharedEntries }: MemoryState, row: JournalRow, query: JournalQuery): boolean {
  const isOfEntity = query.entity === undefined || row.entity === query.entity || sharedEntries.get(query.entity) === row.sequence - 1;
  return (
    (query.sync === undefined || row.sync === query.sync) &&
    isOfEntity &&
    (query.run === undefined || row.run === query.run) &&
    (query.kinds === undefined || query.kinds.includes(row.kind)) &&
    (query.fromMs === undefined || row.atMs >= query.fromMs) &&
    (query.toMs === undefined || row.atMs <= query.toMs) &&
    (query.before === undefined || row.sequence < query.before)
  );
}

export function countState(view: MemoryView): StateCounts {
  const { state } = view;
  const reviews = listReviews(view, Number.POSITIVE_INFINITY);
  return {
    syncs: state.syncs.map(({ id, configuration }) => {
      const entities = [...state.entities.values()].filter((entity) => entity.sync === id);
      return {
        sync: id,
        entities: entities.filter(({ life }) => life.kind === "live").length,
        members: configuration.sides.map((_, side) => entities.filter(({ members }) => isWithRecord(members[side])).length),
        marks: [...state.marks.values()].filter(({ mark }) => mark.sync === id).length,
        reviews: reviews.filter(({ sync }) => sync === id).length,
        problems: [...state.problems.values()].filter((problem) => problem.sync === id).length,
      };
    }),
    bytes: 0,
    journalEntries: state.journal.length,
  };
}
