import type { RecordId, SideIndex } from "@accord/core";
import type { Change, OpenObject, Position } from "../connector/connector.ts";
import type { SyncId } from "../store/rows.ts";
import { BySide } from "./by-side.ts";

/** Own writes remembered of a side: as many as come back within some seconds. What is forgotten is told apart by the store instead, at the price of a mark. */
const ECHOES_MAX = 25_000;

/** The writes of one side, in two generations: to find the oldest entry of one large map that others were deleted from, all places of those are passed over. */
interface SideEchoes {
  young: Map<RecordId, Position>;
  old: ReadonlyMap<RecordId, Position>;
}

/**
 * Where own writes stand in the systems' logs, so that they are known when they come back. [S57] Kept in memory and only for what is committed: a change that is not found
 * here becomes a mark and is told apart from the stored member.
 */
export class Echoes {
  private sides = noEchoes();
  private readonly max: number;

  /** @param max writes remembered of a side, of which the older half goes at once; none where no feed is followed */
  constructor(max = ECHOES_MAX) {
    this.max = max;
  }

  /** Remembers a write that is settled. */
  note(sync: SyncId, side: SideIndex, record: RecordId, position: Position): void {
    if (this.max === 0) return;
    const echoes = this.sides.of(sync, side);
    if (echoes.young.size >= this.max / 2) {
      echoes.old = echoes.young;
      echoes.young = new Map();
    }
    echoes.young.set(record, position);
  }

  /** The log is another one now: nothing of it is known. */
  clear(): void {
    this.sides = noEchoes();
  }

  /** Whether a change is included in an own write: then its news is old. */
  includes(sync: SyncId, side: SideIndex, object: Pick<OpenObject, "covers">, { record, change }: Change): boolean {
    if (change.kind === "emptied" || change.kind === "renamed") return false;
    const { young, old } = this.sides.of(sync, side);
    const known = young.get(record) ?? old.get(record);
    return known !== undefined && change.position !== undefined && change.position !== null && object.covers(known, change.position);
  }
}

function noEchoes(): BySide<SideEchoes> {
  return new BySide(() => ({ young: new Map(), old: new Map() }));
}
