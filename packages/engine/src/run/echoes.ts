import type { RecordId, SideIndex } from "@accord/core";
import type { Change, OpenObject, Position } from "../connector/connector.ts";
import type { SyncId } from "../store/rows.ts";

/** Own writes remembered: as many as come back within some seconds. What is forgotten is told apart by the store instead, at the price of a mark. */
const ECHOES_MAX = 50_000;

/**
 * Where own writes stand in the systems' logs, so that they are known when they come back. [S57] Kept in memory and only for what is committed: a change that is not found
 * here becomes a mark and is told apart from the stored member.
 */
export class Echoes {
  // Two generations: to find the oldest entry of one large map that others were deleted from, all places of those are passed over.
  private young = new Map<string, Position>();
  private old: ReadonlyMap<string, Position> = new Map();
  private readonly max: number;

  /** @param max writes remembered, of which the older half goes at once; none where no feed is followed */
  constructor(max = ECHOES_MAX) {
    this.max = max;
  }

  /** Remembers a write that is settled. */
  note(sync: SyncId, side: SideIndex, record: RecordId, position: Position): void {
    if (this.max === 0) return;
    if (this.young.size >= this.max / 2) {
      this.old = this.young;
      this.young = new Map();
    }
    this.young.set(keyOf(sync, side, record), position);
  }

  /** The log is another one now: nothing of it is known. */
  clear(): void {
    this.young = new Map();
    this.old = new Map();
  }

  /** Whether a change is included in an own write: then its news is old. */
  includes(sync: SyncId, side: SideIndex, object: Pick<OpenObject, "covers">, { record, change }: Change): boolean {
    if (change.kind === "emptied" || change.kind === "renamed") return false;
    const key = keyOf(sync, side, record);
    const known = this.young.get(key) ?? this.old.get(key);
    return known !== undefined && change.position !== undefined && change.position !== null && object.covers(known, change.position);
  }
}

function keyOf(sync: SyncId, side: SideIndex, record: RecordId): string {
  return `${sync}/${side}/${record}`;
}
