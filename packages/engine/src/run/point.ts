import type { Cell, Entity, EntityId, FieldIndex, OwedField, RecordId, References, SideIndex } from "@accord/core";
import type { CallOptions } from "../host/host.ts";
import type { Due, StoredEntity } from "../store/rows.ts";
import type { ChangeSet } from "./changes.ts";
import type { EngineContext, RunningSync } from "./context.ts";
import { isWriting, readyDue } from "./due.ts";
import { kinOf, referringTo, sideOfKin } from "./kin.ts";

/**
 * The cells of a reference that name, at a side, a record of a certain entity that is gone; null where they do not. Such cells are unknown to all merging: whom they name nobody knows any more, but
 * for who remembers the former ids. [S44, S45]
 *
 * @param former ids that records of that entity had there
 */
export function danglingCells(
  { model }: RunningSync,
  field: FieldIndex,
  entity: Entity,
  side: SideIndex,
  former: ReadonlySet<RecordId>,
  references: References,
): readonly Cell[] | null {
  const member = entity.members[side] ?? null;
  const mapping = model.sides[side]?.mapping.fields[field];
  const cells = member?.cut?.cells ?? null;
  if (member?.state !== "live" || cells === null || !mapping?.reference) return null;
  const { reference } = mapping;
  const named = reference.recordOf(cells);
  if (named === null || !former.has(named) || references.entityOf(reference.sync, reference.side, named) !== undefined) return null;
  return mapping.reads.map((column) => ({ column, cell: cells[column] }));
}

/** The ids that records of an entity had at a side and have no more. */
export function formerIds({ members }: Pick<StoredEntity, "members">, side: SideIndex): ReadonlySet<RecordId> {
  const member = members[side] ?? null;
  if (member === null) return new Set();
  const isGone = member.state === "deleted" || member.state === "absent" || member.state === "lost";
  return new Set(isGone && member.record !== null ? [...member.retired, member.record] : member.retired);
}

/** That a reference at a side is to say what is canonical, over these cells. */
export function pointDue(context: EngineContext, sync: RunningSync, side: SideIndex, entity: EntityId, expect: readonly Cell[]): Due {
  const due = readyDue({ sync: sync.id, side, entity }, context.clock.nowMs());
  return { ...due, state: isWriting(context, sync) ? "ready" : "held", undo: { kind: "point", set: [], expect } };
}

/** The write of {@link pointDue}, worked out now; null where the record does not stand so any more, or cannot say it yet. */
export function pointWrite(
  { model }: RunningSync,
  side: SideIndex,
  entity: Entity,
  expect: readonly Cell[],
  references: References,
): { readonly set: readonly Cell[]; readonly fields: readonly OwedField[] } | null {
  const member = entity.members[side] ?? null;
  const cells = member?.cut?.cells ?? null;
  const columns = expect.map(({ column }) => column).join();
  const field = model.sides[side]?.mapping.fields.findIndex((one) => one?.reference && one.reads.join() === columns) ?? -1;
  const mapping = model.sides[side]?.mapping.fields[field];
  const canonical = entity.fields[field];
  if (cells === null || !mapping || canonical === undefined || canonical.review !== null || entity.life.kind !== "live") return null;
  if (expect.some(({ column, cell }) => cells[column] !== cell)) return null;
  const put = mapping.put(canonical.value ?? null, cells, references);
  if (put.kind !== "ok") return null;
  const set = mapping.writes.map((column, place) => ({ column, cell: put.result[place] }));
  return { set, fields: [{ field, version: canonical.version, before: undefined, after: canonical.value }] };
}

/** An entity has a new record at some side in place of one that is gone: those that still name the old one there name the new one. [S40, S45] */
export async function pointAnew(
  context: EngineContext,
  sync: RunningSync,
  parent: StoredEntity,
  changes: ChangeSet,
  options: CallOptions,
): Promise<void> {
  for (const referring of referringTo(context, sync)) {
    for await (const { entity, references } of kinOf(context, referring.sync, parent.id, options)) {
      if (entity.life.kind !== "live" || entity.fields[referring.field]?.value !== String(parent.id)) continue;
      for (const [at] of parent.members.entries()) {
        const side = sideOfKin(referring, sync, at);
        const former = formerIds(parent, at);
        const expect = side === -1 ? null : danglingCells(referring.sync, referring.field, entity, side, former, references);
        if (expect !== null) changes.due.push({ ...pointDue(context, referring.sync, side, entity.id, expect), keepAge: false });
      }
    }
  }
}
