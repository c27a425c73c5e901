import { isFight, TELLINGS_MAX } from "@accord/core";
import type { EntityId, FieldIndex, Telling } from "@accord/core";

/** Fields watched at once: those that changed last. A record that is fought over is among them, unless tens of thousands are at once. */
const FIELDS_MAX = 20_000;

/** What sides told lately of fields, by entity and field: in memory alone, since whoever fights goes on when a process begins anew. Bounded. [S49] */
export class Fights {
  private readonly tellings = new Map<string, Telling[]>();

  /** Notes a telling. Gives those that make a fight, oldest first, and forgets them: a person decides, and they count no more. */
  note(entity: EntityId, field: FieldIndex, telling: Telling): readonly Telling[] | null {
    const key = `${entity}/${field}`;
    const own = this.tellings.get(key) ?? [];
    // Those that changed last stand last.
    this.tellings.delete(key);
    own.push(telling);
    if (own.length > TELLINGS_MAX) own.shift();
    if (isFight(own)) return own;
    this.tellings.set(key, own);
    const [oldest] = this.tellings.keys();
    if (this.tellings.size > FIELDS_MAX && oldest !== undefined) this.tellings.delete(oldest);
    return null;
  }
}
