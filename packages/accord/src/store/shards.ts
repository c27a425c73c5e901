import type { EntityId } from "@accord/core";
import type { Shard } from "@accord/engine/store";

/** Entities of one block are one shard's: what lies on one page of the file is changed in one commit. */
const BLOCK = 1_024;

export type ShardOf = (entity: EntityId | null) => Shard;

/** Records that are not linked wait in shard 0. [S36] */
export function createShardOf(shards: number): ShardOf {
  return (entity) => (entity === null ? 0 : Math.floor(entity / BLOCK) % shards);
}
