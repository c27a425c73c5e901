import type { Random } from "@accord/engine/connector";
import type { Catalogue } from "./catalogue.ts";
import type { EntityOverlay } from "./entity-overlay.ts";
import type { EntityReader } from "./entity-read.ts";
import type { Formers } from "./entity-former.ts";
import type { MatchHash } from "./match-hash.ts";
import type { OpenIntents } from "./open-intents.ts";
import type { Session } from "./session.ts";
import type { ShardOf } from "./shards.ts";
import type { Tally } from "./tally.ts";

/** What the parts of a commit work with. */
export interface CommitContext {
  readonly session: Session;
  readonly catalogue: Catalogue;
  readonly hash: MatchHash;
  readonly random: Random;
  readonly tally: Tally;
  readonly intents: OpenIntents;
  readonly overlay: EntityOverlay;
  readonly formers: Formers;
  readonly reader: EntityReader;
  readonly shardOf: ShardOf;
}
