import { readImage, type CanonicalField } from "@accord/core";
import type { Changes, FirstContact, LevelEntity, StagedGroup, StagedPage, StagedRecord, StoredMember, SyncId } from "@accord/engine/store";
import { commitChanges } from "./memory-commit.ts";
import type { StagedRow } from "./memory-state.ts";
import type { MemoryView } from "./memory-view.ts";

type Step = <T>(act: () => T) => Promise<T>;

/** First contact as the port tells it, over the memory state. */
export function firstContactPart(view: MemoryView, step: Step): FirstContact {
  const { state } = view;
  return {
    stage: (page) =>
      step(() => {
        stagePage(view, page);
      }),
    group: (sync, sides) =>
      step(() => {
        const known = state.firstContacts.get(sync);
        if (known !== undefined) return { isAlone: known.isAlone };
        const isAlone = ![...state.entities.values(), ...[...state.marks.values()].map(({ mark }) => mark)].some(
          (one) => one.sync === sync,
        );
        state.firstContacts.set(sync, { upTo: 0, isAlone, sides });
        return { isAlone };
      }),
    load: (sync, limit) => step(() => loadGroups(view, sync).slice(0, limit)),
    commit: (lease, { sync, upTo, shared, level, entities: others, marks, due, journal }) =>
      step(() => {
        const entities = [...level.map(wholeEntity), ...others];
        const none = { consumed: [], deferred: [], requestsDone: [], dueDone: [], arrived: [], intentsOpened: [], intentsClosed: [] };
        commitChanges(view, lease, { ...none, problems: [], problemsOver: [], entities, marks, due, journal });
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

function stagePage({ state }: MemoryView, { sync, side, ids, images, keys, position, atMs, listing }: StagedPage): void {
  ids.forEach((record, index) => {
    const image = images[index] ?? "";
    state.stagedRecords.push({
      sync,
      side,
      record,
      image,
      position,
      seenAtMs: atMs,
      key: keys[index] ?? null,
      place: state.nextSequence++,
    });
  });
  state.sync(sync).listings[side] = listing;
}

function loadGroups({ state }: MemoryView, sync: SyncId): StagedGroup[] {
  const progress = state.firstContacts.get(sync);
  if (progress === undefined) return [];
  const own = state.stagedRecords.filter((row) => row.sync === sync).toSorted((a, b) => a.side - b.side || a.place - b.place);
  const byKey = new Map<string, StagedRow[]>();
  for (const row of own) if (row.key !== null) byKey.set(row.key, [...(byKey.get(row.key) ?? []), row]);
  // Places grow in the order of sides, whatever order they were listed in.
  return own.flatMap((row, index): StagedGroup[] => {
    const place = index + 1;
    const group = row.key === null ? [row] : (byKey.get(row.key) ?? [row]);
    if (place <= progress.upTo) return [];
    if (group.length > progress.sides) return [{ place, records: [recordOf(row)], isCrowd: true }];
    return group[0] === row ? [{ place, records: group.map(recordOf), isCrowd: false }] : [];
  });
}

function recordOf({ side, record, image, position, seenAtMs }: StagedRow): StagedRecord {
  return { side, record, image, position, seenAtMs };
}

/** The entity that is told in short. */
function wholeEntity({ id, sync, values, keys, provenance, records }: LevelEntity): Changes["entities"][number] {
  const fields = readImage(values).map((value): CanonicalField => ({ value, version: 1, provenance, review: null, adds: null }));
  const members = records.map(({ record, image, position, seenAtMs }): StoredMember => ({
    state: "live",
    record,
    incarnation: 1,
    image,
    ack: fields.map(({ version }) => version),
    position,
    seenAtMs,
    intent: null,
    retired: [],
  }));
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
