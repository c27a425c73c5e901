import type { Changes, Lease } from "@accord/engine/store";
import type { CommitContext } from "./commit-context.ts";
import { writeCursor } from "./connections.ts";
import { writeDue } from "./due.ts";
import { writeLanded } from "./entity-landed.ts";
import { writeEntities, type RecordCell } from "./entity-write.ts";
import { writeGuardTallies } from "./guard-tallies.ts";
import { writeIntents } from "./intents.ts";
import { appendJournal, planJournal } from "./journal.ts";
import { assertLease } from "./leases.ts";
import { relinkMarks } from "./mark-links.ts";
import { addMarks, consumeMarks } from "./marks.ts";
import { writeMerged } from "./merged.ts";
import { writeProblems } from "./problems.ts";
import { addRequests, finishRequests } from "./requests.ts";

/** Writes everything one decision changes. Runs within a transaction: an error undoes all of it. */
export function commitChanges(context: CommitContext, leases: Lease | readonly Lease[], changes: Changes): void {
  const { session, catalogue } = context;
  for (const lease of [leases].flat()) assertLease(session, lease);
  // Problems first: the keys of a record that was set aside outlive its mark. [S36]
  writeProblems(session, catalogue, changes);
  const journal = planJournal(session, changes.journal);
  const relinked: RecordCell[] = [];
  writeEntities(context, changes.entities, journal.chains, relinked);
  writeLanded(context, changes.landed ?? [], journal.chains, relinked);
  consumeMarks(context, changes);
  relinkMarks(context, relinked);
  addMarks(context, changes.marks);
  if (changes.cursor) writeCursor(session, changes.cursor.connection, changes.cursor.cursor);
  finishRequests(session, changes.requestsDone);
  addRequests(session, context.shardOf, changes.requests ?? []);
  writeMerged(session, changes.merged ?? []);
  writeIntents(context, changes);
  writeGuardTallies(session, catalogue, changes.guarded ?? []);
  writeDue(context, changes);
  appendJournal(context, changes.journal, journal);
  context.overlay.write();
}
