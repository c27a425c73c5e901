import type { Random } from "@accord/engine/connector";
import type { Changes, Lease } from "@accord/engine/store";
import type { Catalogue } from "./catalogue.ts";
import { writeDue } from "./due.ts";
import { writeEntities } from "./entity-write.ts";
import { writeIntents } from "./intents.ts";
import { appendJournal } from "./journal.ts";
import { assertLease } from "./leases.ts";
import { addMarks, consumeMarks } from "./marks.ts";
import type { MatchHash } from "./match-hash.ts";
import { writeProblems } from "./problems.ts";
import { finishRequests } from "./requests.ts";
import type { Session } from "./session.ts";

export interface CommitContext {
  readonly session: Session;
  readonly catalogue: Catalogue;
  readonly hash: MatchHash;
  readonly random: Random;
  readonly shards: number;
}

/** Writes everything one decision changes. Runs within a transaction: an error undoes all of it. */
export function commitChanges({ session, catalogue, hash, random, shards }: CommitContext, lease: Lease, changes: Changes): void {
  assertLease(session, lease);
  // Problems first: the keys of a record that was set aside outlive its mark. [S36]
  writeProblems(session, catalogue, changes);
  writeEntities(session, catalogue, hash, changes.entities);
  consumeMarks(session, changes);
  addMarks(session, catalogue, hash, shards, changes.marks);
  finishRequests(session, changes.requestsDone);
  writeDue(session, catalogue, shards, changes);
  writeIntents(session, catalogue, shards, changes);
  appendJournal(session, random, changes.journal);
}
