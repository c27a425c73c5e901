import type { EntityId, SideIndex } from "@accord/core";
import type { Changes, LoadedIntent, Shard, SyncId } from "@accord/engine/store";
import type { Catalogue } from "./catalogue.ts";
import type { CommitContext } from "./commit-context.ts";
import type { EntityReader } from "./entity-read.ts";
import { intentOf } from "./intent-lines.ts";
import type { OpenIntents } from "./open-intents.ts";
import type { ShardOf } from "./shards.ts";

/** Opens and closes intents. A second open intent of one member is refused. [S3, S29] */
export function writeIntents({ catalogue, intents }: CommitContext, changes: Pick<Changes, "intentsOpened" | "intentsClosed">): void {
  if (changes.intentsClosed.length > 0) intents.close(changes.intentsClosed);
  if (changes.intentsOpened.length > 0)
    intents.open(changes.intentsOpened.map((intent) => ({ side: catalogue.side(intent.sync, intent.side).number, intent })));
}

/** Oldest first. */
export function loadOpenIntents(
  catalogue: Catalogue,
  reader: EntityReader,
  intents: OpenIntents,
  shard: Shard,
  limit: number,
): LoadedIntent[] {
  if (!intents.isAny()) return [];
  const lines = intents
    .linesOf(shard)
    .toSorted((a, b) => a.line[6] - b.line[6] || a.side - b.side || a.line[1] - b.line[1])
    .slice(0, limit);
  const entities = reader.loadById(lines.map(({ line }) => line[1]));
  return lines.flatMap(({ side, line, images }) => {
    const stored = entities.get(line[1]);
    const { sync, place } = catalogue.sideByNumber(side);
    return stored === undefined ? [] : [{ ...intentOf(line, images, sync, place), stored }];
  });
}

/** Adds the shards with an open intent whose outcome may be looked for by now, and says when the next one's deadline is over. [S31] */
export function overdueIntents(intents: OpenIntents, shardOf: ShardOf, nowMs: number, ready: Set<Shard>): number | null {
  let nextAtMs: number | null = null;
  for (const { entity, deadlineMs } of intents.all()) {
    if (deadlineMs <= nowMs) ready.add(shardOf(entity));
    else if (nextAtMs === null || deadlineMs < nextAtMs) nextAtMs = deadlineMs;
  }
  return nextAtMs;
}

/** Entities with an open create at a side. [S33, S35] */
export function openCreates(catalogue: Catalogue, intents: OpenIntents, sync: SyncId, side: SideIndex): EntityId[] {
  const creates: EntityId[] = [];
  for (const [entity, { kind }] of intents.atSide(catalogue.side(sync, side).number)) if (kind === "create") creates.push(entity);
  return creates.toSorted((a, b) => a - b);
}
