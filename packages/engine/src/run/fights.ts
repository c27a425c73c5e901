import { isFight, TELLINGS_MAX } from "@accord/core";
import type { EntityId, FieldIndex, Telling } from "@accord/core";

/** Fields watched at once, at most: those that changed last. A record that is fought over is among them, unless thousands are at once. */
const FIELDS_MAX = 8_000;

type Tellings = Map<string, Telling[]>;

/**
 * What sides told lately of fields, by entity and field: in memory alone, since whoever fights goes on when a process begins anew. Bounded, in two generations: to find the oldest
 * entry of one large map that others were deleted from, all places of those are passed over. [S49]
 */
export class Fights {
  private young: Tellings = new Map();
  private old: Tellings = new Map();

  /** Notes a telling. Gives those that make a fight, oldest first, and forgets them: a person decides, and they count no more. */
  note(entity: EntityId, field: FieldIndex, telling: Telling): readonly Telling[] | null {
    const key = `${entity}/${field}`;
    const own = this.young.get(key) ?? this.old.get(key) ?? [];
    own.push(telling);
    if (own.length > TELLINGS_MAX) own.shift();
    if (isFight(own)) {
      this.young.delete(key);
      this.old.delete(key);
      return own;
    }
    if (this.young.size >= FIELDS_MAX / 2) {
      this.old = this.young;
      this.young = new Map();
    }
    this.young.set(key, own);
    return null;
  }
}
