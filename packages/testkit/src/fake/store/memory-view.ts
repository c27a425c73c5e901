import type { EntityId, IntentId, RecordId, SideIndex } from "@accord/core";
import type { Due, LoadedDue, Mark, Shard, StoredEntity, StoredMember, SyncId } from "@accord/engine/store";
import { recordKey, type MemoryState } from "./memory-state.ts";

/** Few, so that small tests have work in several. */
export const SHARDS = 4;

export function shardOf(entity: EntityId): Shard {
  return entity % SHARDS;
}

/** What the state says when it is looked at: links, open intents and readiness put together. */
export class MemoryView {
  readonly state: MemoryState;

  constructor(state: MemoryState) {
    this.state = state;
  }

  /** The entity as it was committed, its members' intents those that are open now. */
  entity(id: EntityId): StoredEntity | null {
    const entity = this.state.entities.get(id);
    if (entity === undefined) return null;
    const fields = entity.fields.length;
    const members = entity.members.map((member, side) => {
      const intent = this.intent(id, side);
      if (member === null || isBeingCreated(member)) return intent === null ? null : beingCreated(fields, intent);
      return member.intent === intent ? member : { ...member, intent };
    });
    const into = entity.life.kind === "merged" ? this.state.merged.get(id) : undefined;
    const life = entity.life.kind === "merged" && into !== undefined ? { ...entity.life, into } : entity.life;
    return { ...entity, life, members };
  }

  known(id: EntityId): StoredEntity {
    const entity = this.entity(id);
    if (entity === null) throw new RangeError(`no entity ${id}`);
    return entity;
  }

  intent(entity: EntityId | null, side: SideIndex): IntentId | null {
    if (entity === null || this.state.intents.size === 0) return null;
    for (const intent of this.state.intents.values()) if (intent.entity === entity && intent.side === side) return intent.id;
    return null;
  }

  /** Who holds a record id, living or as a tombstone. */
  link(sync: SyncId, side: SideIndex, record: RecordId): EntityId | null {
    return this.state.links.get(recordKey(sync, side, record)) ?? null;
  }

  /** Whose record exists at the side. */
  liveLink(sync: SyncId, side: SideIndex, record: RecordId): EntityId | null {
    const entity = this.link(sync, side, record);
    return entity !== null && isWithRecord(this.state.entities.get(entity)?.members[side]) ? entity : null;
  }

  markEntity({ sync, side, record, renamedFrom }: Mark): EntityId | null {
    return (renamedFrom === null ? null : this.link(sync, side, renamedFrom)) ?? this.link(sync, side, record);
  }

  /** Records that are not linked wait in shard 0. [S36] */
  markShard(mark: Mark): Shard {
    const entity = this.markEntity(mark);
    return entity === null ? 0 : shardOf(entity);
  }

  isReadyDue(due: Due, nowMs: number): boolean {
    return due.state === "ready" && due.notBeforeMs <= nowMs && this.intent(due.entity, due.side) === null;
  }

  withEntities(rows: readonly Due[], limit: number): LoadedDue[] {
    return rows.slice(0, limit).map((due) => ({ ...due, stored: this.known(due.entity) }));
  }

  /** Whether what becomes due is written without a further plan. [S43, S60] */
  isWriting(sync: SyncId): boolean {
    const { state } = this.state.sync(sync);
    return state === "live" || state === "paused";
  }
}

export function isWithRecord(member: StoredMember | null | undefined): boolean {
  return member?.state === "live" || member?.state === "archived" || member?.state === "outOfScope";
}

function isBeingCreated({ state, record, image, retired }: StoredMember): boolean {
  return state === "creating" && record === null && image === null && retired.length === 0;
}

function beingCreated(fields: number, intent: IntentId): StoredMember {
  const ack = Array.from({ length: fields }, () => 0);
  return { state: "creating", record: null, incarnation: 0, image: null, ack, position: null, seenAtMs: 0, intent, retired: [] };
}
