import { NewRecords, NO_REFERENCES, oweRecord, readImage } from "@accord/core";
import type { EntityId, Owed } from "@accord/core";
import type { StagedRecord } from "../store/first-contact.ts";
import type { ChangeSet } from "./changes.ts";
import type { EngineContext, RunningSync } from "./context.ts";
import { keepDue } from "./due.ts";

/** Works out what other sides lack of records that met nobody and are told in short: their values are canonical as they `said`, and their own side lacks nothing. [S28, S36] */
export class LoneRecords {
  private readonly context: EngineContext;
  private readonly sync: RunningSync;
  /** By field: all values are new. */
  private readonly versions: readonly number[];
  private readonly newRecords: readonly (NewRecords | null)[];

  constructor(context: EngineContext, sync: RunningSync) {
    this.context = context;
    this.sync = sync;
    this.versions = sync.model.fields.map(() => 1);
    this.newRecords = sync.model.sides.map((_, side) => NewRecords.of(sync.model, side));
  }

  /** Adds what is due for the record's entity at every other side. */
  keep(record: StagedRecord, said: string, id: EntityId, changes: ChangeSet): void {
    const { model } = this.sync;
    const entity = { id, members: [] };
    for (let side = 0; side < model.sides.length; side += 1) {
      if (side === record.side) continue;
      const isOwed = this.newRecords[side]?.isOwed(said) === true;
      const owed = isOwed ? CREATE : oweRecord(model, side, readImage(said), this.versions, NO_REFERENCES);
      keepDue(this.context, this.sync, entity, side, owed, changes);
    }
  }
}

/** What is created is worked out when it is written: here it counts that it is. [S28] */
const CREATE: Owed = { kind: "create", fields: [], set: [] };
