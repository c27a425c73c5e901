import { hasNewsFor, isPresent, names } from "@accord/core";
import type { DeletePolicy, EntityId, Life, RecordId, SideIndex } from "@accord/core";
import type { CallOptions } from "../host/host.ts";
import type { StoredEntity, SyncId } from "../store/rows.ts";
import type { EngineContext, RunningSync } from "./context.ts";
import { kinOf, referringTo, sideOfKin } from "./kin.ts";
import type { Kin, Referring } from "./kin.ts";
import { danglingCells, formerIds } from "./point.ts";

/** What would follow the deletion of an entity at one side of a sync. */
export interface ClosureCounts {
  deletes: number;
  /** Values emptied, by field name. */
  readonly emptied: Record<string, number>;
}

/** Everything that would follow the deletion of an entity, or why it may not follow. [S45] */
export type Closure =
  | { readonly kind: "counted"; readonly counts: readonly { readonly sync: RunningSync; readonly sides: readonly ClosureCounts[] }[] }
  /** One that lives names what would go, and its field holds such a deletion up. */
  | { readonly kind: "blocked"; readonly by: EntityId; readonly referring: Referring }
  /** Something of what would go was never shown where the deletion was made: the rule of its sync decides. [S38] */
  | { readonly kind: "news"; readonly rule: DeletePolicy["conflict"] };

/** Where and when a user deleted an entity. */
export interface Deletion {
  /** Null: a person decided, and nobody's news counts against that. */
  readonly connection: string | null;
  /** Epoch milliseconds. */
  readonly atMs: number;
}

/** Where and when an entity of a sync was deleted. */
export function deletionOf({ model }: RunningSync, { side, atMs }: Extract<Life, { readonly kind: "deleted" }>): Deletion {
  return { connection: side === null ? null : (model.sides[side]?.connection ?? null), atMs };
}

/**
 * Walks from a deleted entity to all that would be deleted with it or detached from it, and theirs in turn, before anything of it is carried out. Ids alone are kept in memory.
 *
 */
export async function closureOf(
  context: EngineContext,
  sync: RunningSync,
  entity: EntityId,
  deletion: Deletion,
  options: CallOptions,
): Promise<Closure> {
  const gone = new Set<EntityId>([entity]);
  const counts = new Counts();
  const holding: { readonly by: EntityId; readonly referring: Referring }[] = [];
  const open: { readonly sync: RunningSync; readonly id: EntityId }[] = [{ sync, id: entity }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const referring of referringTo(context, next.sync)) {
      for await (const kin of kinOf(context, referring.sync, next.id, options)) {
        const { id } = kin.entity;
        if (gone.has(id) || !names(kin.entity, referring.field, next.id)) continue;
        if (referring.reference.deletes === "restrict") {
          holding.push({ by: id, referring });
          continue;
        }
        const rule = newsRule(referring, kin, deletion);
        if (rule !== null) return { kind: "news", rule };
        counts.add(referring, kin);
        if (referring.reference.deletes === "detach") continue;
        gone.add(id);
        open.push({ sync: referring.sync, id });
      }
    }
  }
  const block = holding.find(({ by }) => !gone.has(by));
  return block === undefined ? { kind: "counted", counts: counts.list() } : { kind: "blocked", ...block };
}

/** The rule that decides where something of an entity was not shown yet where what it names was deleted; null where all was, or the deletion wins anyway. */
export function newsRule(
  { sync: { model }, field, reference }: Referring,
  { entity, references }: Kin,
  deletion: Deletion,
): Exclude<DeletePolicy["conflict"], "delete-wins"> | null {
  const side = deletion.connection === null ? -1 : model.sides.findIndex((own) => own.connection === deletion.connection);
  const { conflict } = model.deletes;
  if (side === -1 || conflict === "delete-wins") return null;
  const isNews =
    reference.deletes === "detach"
      ? (entity.fields[field]?.review ?? null) !== null
      : hasNewsFor(model, entity, side, deletion.atMs, references);
  return isNews ? conflict : null;
}

class Counts {
  private readonly bySync = new Map<SyncId, { readonly sync: RunningSync; readonly sides: readonly ClosureCounts[] }>();

  add({ sync, field, reference }: Referring, { entity }: Kin): void {
    const row = this.bySync.get(sync.id) ?? { sync, sides: sync.model.sides.map((): ClosureCounts => ({ deletes: 0, emptied: {} })) };
    this.bySync.set(sync.id, row);
    for (const [side, counts] of row.sides.entries()) {
      if (!isPresent(entity.members[side])) continue;
      if (reference.deletes === "detach") {
        const name = sync.model.fields[field]?.name ?? String(field);
        counts.emptied[name] = (counts.emptied[name] ?? 0) + 1;
      } else if (sync.model.deletes.do !== "keep") counts.deletes += 1;
    }
  }

  list(): readonly { readonly sync: RunningSync; readonly sides: readonly ClosureCounts[] }[] {
    return [...this.bySync.values()];
  }
}

/** Records that name, at some side, a record of an entity that is gone there: they are told of until they name something else. [I9] */
export async function* danglingRecords(
  context: EngineContext,
  sync: RunningSync,
  parent: StoredEntity,
  options: CallOptions,
): AsyncGenerator<{ readonly sync: RunningSync; readonly side: SideIndex; readonly record: RecordId }> {
  for (const referring of referringTo(context, sync)) {
    if (referring.reference.deletes !== "restrict") continue;
    for await (const { entity, references } of kinOf(context, referring.sync, parent.id, options)) {
      if (!names(entity, referring.field, parent.id)) continue;
      for (const at of parent.members.keys()) {
        const side = sideOfKin(referring, sync, at);
        const record = entity.members[side]?.record ?? null;
        const isDangling = danglingCells(referring.sync, referring.field, entity, side, formerIds(parent, at), references) !== null;
        if (record !== null && isDangling) yield { sync: referring.sync, side, record };
      }
    }
  }
}
