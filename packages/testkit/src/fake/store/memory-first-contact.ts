import { readImage, type CanonicalField } from "@accord/core";
import type { Changes, FirstContact, StagedGroup, StagedPage, StagedRecord, StoredMember, SyncId } from "@accord/engine/store";
import { commitChanges } from "./memory-commit.ts";
import type { StagedRow } from "./memory-state.ts";
import type { MemoryView } from "./memory-view.ts";
import { NO_CHANGES } from "./no-changes.ts";

type Step = <T>(act: () => T) => Promise<T>;

/** Level groups of one step. */
const LEVEL_STEP = 5;

/** First contact as the port tells it, over the memory state. */
export function firstContactPart(view: MemoryView, step: Step): FirstContact {
  const { state } = view;
  return {
    stage: (page) =>
      step(() => {
        stagePage(view, page);
      }),
    group: (sync) =>
      step(() => {
        const known = state.firstContacts.get(sync);
        if (known !== undefined) return { isAlone: known.isAlone };
        const isAlone = ![...state.entities.values(), ...[...state.marks.values()].map(({ mark }) => mark)].some(
          (one) => one.sync === sync,
        );
        state.firstContacts.set(sync, { upTo: 0, isAlone, level: new Set() });
        return { isAlone };
      }),
    meetLevel: (lease, sync, entryOf) =>
      step(() => {
        const rows = levelGroups(view, sync);
        const met = rows.slice(0, LEVEL_STEP);
        const made = met.map((group) => group[0]?.id ?? 0);
        commitChanges(view, lease, { ...NO_CHANGES, entities: met.map((group) => wholeEntity(view, group)) });
        for (const id of made) state.firstContacts.get(sync)?.level.add(id);
        if (made.length > 0) shareEntry(view, entryOf(made), made, new Set());
        return { entities: made.length, isDone: rows.length <= LEVEL_STEP };
      }),
    load: (sync, limit) =>
      step(() =>
        loadGroups(view, sync)
          .slice(0, limit)
          .map(({ rows, isCrowd }): StagedGroup => {
            const [first] = rows;
            return { place: first?.place ?? 0, id: first?.id ?? 0, records: rows.map(recordOf), isCrowd };
          }),
      ),
    commit: (lease, { sync, upTo, shared, lone, entities: others, marks, due, journal }) =>
      step(() => {
        const staged = stagedRows(view, sync).filter(({ place }) => lone.includes(place));
        const entities = [...staged.map((row) => wholeEntity(view, [row])), ...others];
        commitChanges(view, lease, { ...NO_CHANGES, entities, marks, due, journal });
        if (shared !== null)
          shareEntry(
            view,
            shared,
            entities.map(({ entity }) => entity.id),
            new Set(journal.map(({ entity }) => entity)),
          );
        const known = state.firstContacts.get(sync);
        if (known !== undefined) known.upTo = upTo;
      }),
    finish: (sync) =>
      step(() => {
        state.firstContacts.delete(sync);
        forgetStaged(view, sync);
      }),
  };
}

/** Lists a sync that is still new once more. [S51] */
export function beginAnew(view: MemoryView, sync: SyncId): void {
  const row = view.state.sync(sync);
  if (row.state !== "new") return;
  view.state.firstContacts.delete(sync);
  forgetStaged(view, sync);
  row.listings.forEach(({ side }, index) => {
    row.listings[index] = { side, state: "none", after: null, completedAtMs: null };
  });
}

function forgetStaged({ state }: MemoryView, sync: SyncId): void {
  state.stagedRecords.splice(0, state.stagedRecords.length, ...state.stagedRecords.filter((row) => row.sync !== sync));
}

function stagePage({ state }: MemoryView, page: StagedPage): void {
  const { sync, side, ids, images, said, keys, provenance, position, atMs, listing } = page;
  ids.forEach((record, index) => {
    state.stagedRecords.push({
      sync,
      side,
      record,
      image: images[index] ?? "",
      said: said[index] ?? null,
      position,
      seenAtMs: atMs,
      keys: keys[index] ?? [],
      provenance,
      place: state.nextSequence++,
      id: state.nextEntity++,
    });
  });
  state.sync(sync).listings[side] = listing;
}

/** A sync's staged records in the order of sides, whatever order they were listed in. */
function stagedRows({ state }: MemoryView, sync: SyncId): StagedRow[] {
  const own = state.stagedRecords.filter((row) => row.sync === sync).toSorted((a, b) => a.side - b.side || a.place - b.place);
  return own.map((row, index) => ({ ...row, place: index + 1 }));
}

interface Group {
  readonly rows: readonly StagedRow[];
  readonly isCrowd: boolean;
}

function allGroups(view: MemoryView, sync: SyncId): Group[] {
  const own = stagedRows(view, sync);
  const byKey = new Map<string, StagedRow[]>();
  for (const row of own) {
    const key = row.keys[0] ?? null;
    if (key !== null) byKey.set(key, [...(byKey.get(key) ?? []), row]);
  }
  return own.flatMap((row): Group[] => {
    const key = row.keys[0] ?? null;
    const rows = key === null ? [row] : (byKey.get(key) ?? [row]);
    if (new Set(rows.map(({ side }) => side)).size < rows.length) return [{ rows: [row], isCrowd: true }];
    return rows[0] === row ? [{ rows, isCrowd: false }] : [];
  });
}

function levelGroups(view: MemoryView, sync: SyncId): (readonly StagedRow[])[] {
  const progress = view.state.firstContacts.get(sync);
  const sides = view.state.sync(sync).listings.length;
  return allGroups(view, sync).flatMap(({ rows, isCrowd }) => {
    const [first] = rows;
    if (first === undefined || isCrowd || rows.length < sides || first.said === null || progress?.level.has(first.id) === true) return [];
    return rows.every(({ said }) => said === first.said) ? [rows] : [];
  });
}

function loadGroups(view: MemoryView, sync: SyncId): Group[] {
  const progress = view.state.firstContacts.get(sync);
  if (progress === undefined) return [];
  return allGroups(view, sync).filter(
    ({ rows: [first] }) => first !== undefined && first.place > progress.upTo && !progress.level.has(first.id),
  );
}

function recordOf({ side, record, image, said, position, seenAtMs }: StagedRow): StagedRecord {
  return { side, record, image, said, position, seenAtMs };
}

/** The entity that is told in short. */
function wholeEntity(view: MemoryView, rows: readonly StagedRow[]): Changes["entities"][number] {
  const [first] = rows;
  if (first === undefined) throw new RangeError("a group has a record");
  const { id, sync, said, provenance, keys } = first;
  const fields = readImage(said ?? "").map((value): CanonicalField => ({ value, version: 1, provenance, review: null, adds: null }));
  const members = view.state.sync(sync).listings.map((_, place): StoredMember | null => {
    const row = rows.find(({ side }) => side === place);
    if (row === undefined) return null;
    const { record, image, position, seenAtMs } = row;
    const ack = fields.map(({ version }) => version);
    return { state: "live", record, incarnation: 1, image, ack, position, seenAtMs, intent: null, retired: [] };
  });
  return { entity: { id, sync, life: { kind: "live" }, version: 1, fields, review: null, members }, keys };
}

function shareEntry(
  { state }: MemoryView,
  entry: MemoryView["state"]["journal"][number],
  entities: readonly number[],
  told: ReadonlySet<number | null>,
): void {
  state.journal.push(entry);
  const index = state.journal.length - 1;
  for (const entity of entities) if (!told.has(entity)) state.sharedEntries.set(entity, index);
}
