import type { EntityId, IntentId } from "@accord/core";
import type {
  Changes,
  Due,
  DueKey,
  GuardTallyRow,
  Intent,
  JournalEntry,
  LandedRecord,
  Mark,
  NewRequest,
  Problem,
  Pull,
  StoredEntity,
} from "../store/rows.ts";

/** What a decision changes, gathered while it is made and committed at once. */
export class ChangeSet implements Changes {
  readonly entities: { entity: StoredEntity; keys: readonly (string | null)[] | null }[] = [];
  readonly landed: LandedRecord[] = [];
  readonly consumed: number[] = [];
  cursor: Pull["cursor"] = null;
  readonly marks: Mark[] = [];
  readonly deferred: { sequence: number; notBeforeMs: number }[] = [];
  readonly requestsDone: number[] = [];
  readonly requests: NewRequest[] = [];
  readonly merged: { entity: EntityId; into: EntityId | null }[] = [];
  due: (Due & { keepAge: boolean })[] = [];
  readonly dueDone: DueKey[] = [];
  readonly undosDone: DueKey[] = [];
  readonly arrived: { sync: number; entity: EntityId }[] = [];
  readonly intentsOpened: Intent[] = [];
  readonly intentsClosed: IntentId[] = [];
  readonly journal: JournalEntry[] = [];
  readonly guarded: GuardTallyRow[] = [];
  readonly problems: Problem[] = [];
  readonly problemsOver: { sync: number; side: number; record: string }[] = [];

  /** Takes back due rows that were put in, by identity: what is on its way at once is not due. */
  withoutDue(taken: ReadonlySet<Due>): void {
    if (taken.size > 0) this.due = this.due.filter((due) => !taken.has(due));
  }

  get isEmpty(): boolean {
    return (
      this.cursor === null &&
      this.entities.length +
        this.landed.length +
        this.consumed.length +
        this.marks.length +
        this.deferred.length +
        this.requestsDone.length +
        this.requests.length +
        this.merged.length +
        this.due.length +
        this.dueDone.length +
        this.undosDone.length +
        this.arrived.length +
        this.intentsOpened.length +
        this.intentsClosed.length +
        this.journal.length +
        this.guarded.length +
        this.problems.length +
        this.problemsOver.length ===
        0
    );
  }
}
