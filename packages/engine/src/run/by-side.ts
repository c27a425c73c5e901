import type { SideIndex } from "@accord/core";
import type { SyncId } from "../store/rows.ts";

/** One of something for each side of each sync, made when it is first asked for. Found without making a text of the two, since that is asked for every change. */
export class BySide<One> {
  private readonly make: () => One;
  private readonly sides = new Map<SyncId, (One | undefined)[]>();

  constructor(make: () => One) {
    this.make = make;
  }

  of(sync: SyncId, side: SideIndex): One {
    let own = this.sides.get(sync);
    if (own === undefined) this.sides.set(sync, (own = []));
    return (own[side] ??= this.make());
  }
}
