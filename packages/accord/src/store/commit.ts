import type { Random } from "@accord/engine/connector";
import type { Changes, Lease } from "@accord/engine/store";
import type { Catalogue } from "./catalogue.ts";
import { writeDue } from "./due.ts";
import { writeEntities } from "./entity-write.ts";
import { writeIntents } from "./intents.ts";
import { appendJournal, planJournal } from "./journal.ts";
import { assertLease } from "./leases.ts";
import { relinkMarks } from "./mark-links.ts";
import { addMarks, consumeMarks } from "./marks.ts";
import type { MatchHash } from "./match-hash.ts";
import type { OpenIntents } from "./open-intents.ts";
import { writeProblems } from "./problems.ts";
import { finishRequests } from "./requests.ts";
import type { Session } from "./session.ts";
import type { ShardOf } from "./shards.ts";
import type { Tally } from "./tally.ts";

export interface CommitContext {
  readonly session: Session;
  readonly catalogue: Catalogue;
  readonly hash: MatchHash;
  readonly random: Random;
  readonly tally: Tally;
  readonly intents: OpenIntents;
  readonly shardOf: ShardOf;
}

/** Writes everything one decision changes. Runs within a transaction: an error undoes all of it. */
export function commitChanges(context: CommitContext, lease: Lease, changes: Changes): void {
  const { session, catalogue } = context;
  assertLease(session, lease);
  // Problems first: the keys of a record that was set aside outlive its mark. [S36]
  writeProblems(session, catalogue, changes);
  const journal = planJournal(session, changes.journal);
  const { lastEntries, relinked } = writeEntities(context, changes.entities, journal.lastByEntity);
  consumeMarks(context, changes);
  relinkMarks(context, relinked);
  addMarks(context, changes.marks);
  finishRequests(session, changes.requestsDone);
  writeIntents(context, changes);
  writeDue(context, changes);
  appendJournal(session, context.random, changes.journal, journal, lastEntries);
}
