import type { EntityId } from "@accord/core";
import { nameKey, type SyncId } from "@accord/engine/store";
import type { EntityOverlay } from "./entity-overlay.ts";
import type { MatchHash } from "./match-hash.ts";
import { readKeys } from "./match-keys.ts";
import type { Session } from "./session.ts";

/** Entities of a sync that name another, in the order of their ids. [S45] */
export function listNaming(
  session: Session,
  overlay: EntityOverlay,
  hash: MatchHash,
  sync: SyncId,
  named: EntityId,
  after: EntityId | null,
  limit: number,
): EntityId[] {
  const key = nameKey(named);
  const found: EntityId[] = [];
  for (let last = after ?? -1; found.length < limit;) {
    const page = session.all<[number, number, string | null]>(
      "SELECT e.id, e.sync, e.keys FROM match_key k JOIN entity e ON e.id = k.entity WHERE k.hash = ? AND k.entity > ? ORDER BY k.entity LIMIT ?",
      hash.entityKey(sync, 0, key),
      last,
      limit,
    );
    for (const [entity, of, keys] of page) {
      // Two keys may share a hash: the text decides.
      if (of === sync && readKeys(overlay.of(entity)?.keys ?? keys).includes(key)) found.push(entity);
    }
    if (page.length < limit) break;
    last = page.at(-1)?.[0] ?? last;
  }
  return found.slice(0, limit);
}
