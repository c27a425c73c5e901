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
  private readonly positions = new Map<string, Position>();
  private readonly max: number;

  /** @param max writes remembered; none where no feed is followed */
  constructor(max = ECHOES_MAX) {
    this.max = max;
  }

  /** Remembers a write that is settled. */
  note(sync: SyncId, side: SideIndex, record: RecordId, position: Position): void {
    if (this.max === 0) return;
    const key = keyOf(sync, side, record);
    this.positions.delete(key);
    this.positions.set(key, position);
    if (this.positions.size <= this.max) return;
    for (const oldest of this.positions.keys()) {
      this.positions.delete(oldest);
      return;
    }
  }

  /** The log is another one now: nothing of it is known. */
  clear(): void {
    this.positions.clear();
  }

  /** Whether a change is included in an own write: then its news is old. */
  includes(sync: SyncId, side: SideIndex, object: Pick<OpenObject, "covers">, { record, change }: Change): boolean {
    if (change.kind === "emptied" || change.kind === "renamed") return false;
    const known = this.positions.get(keyOf(sync, side, record));
    return known !== undefined && change.position !== undefined && change.position !== null && object.covers(known, change.position);
  }
}

function keyOf(sync: SyncId, side: SideIndex, record: RecordId): string {
  return `${sync}/${side}/${record}`;
}
