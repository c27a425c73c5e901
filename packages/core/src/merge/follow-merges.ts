import { withValue } from "../entity/entity.ts";
import type { Entity } from "../entity/entity.ts";
import type { SyncModel } from "../entity/sync-model.ts";
import type { References } from "../mapping/references.ts";
import type { MergeEvent } from "./merge-event.ts";

/**
 * References that name a merged entity name its winner from now on, as a new version that is owed to every side. [S41, S44] What would come to name itself names nothing: it was the parent of what
 * it is now one with. A frozen field waits for its person.
 */
export function followMerges(
  model: SyncModel,
  entity: Entity,
  references: References,
  atMs: number,
): { readonly entity: Entity; readonly events: readonly MergeEvent[] } {
  let result = entity;
  const events: MergeEvent[] = [];
  for (const [field, { reference }] of model.fields.entries()) {
    const named = result.fields[field];
    if (reference === null || !named?.value || named.review !== null) continue;
    const winner = references.winnerOf(Number(named.value));
    if (winner === undefined) continue;
    const to = reference.sync === model.name && winner === entity.id ? null : String(winner);
    events.push({ kind: "repointed", field, from: named.value, to });
    result = withValue(result, field, to, { side: null, cause: "policy", fromMs: atMs, toMs: atMs });
  }
  return { entity: result, events };
}
