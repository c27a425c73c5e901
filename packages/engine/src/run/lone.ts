import { NO_REFERENCES, oweRecord, readImage } from "@accord/core";
import type { EntityId } from "@accord/core";
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

  constructor(context: EngineContext, sync: RunningSync) {
    this.context = context;
    this.sync = sync;
    this.versions = sync.model.fields.map(() => 1);
  }

  /** Adds what is due for the record's entity at every other side. */
  keep(record: StagedRecord, said: string, id: EntityId, changes: ChangeSet): void {
    const { model } = this.sync;
    const values = readImage(said);
    const entity = { id, members: [] };
    for (let side = 0; side < model.sides.length; side += 1) {
      if (side === record.side) continue;
      const owed = oweRecord(model, side, values, this.versions, NO_REFERENCES);
      keepDue(this.context, this.sync, entity, side, owed, changes);
    }
  }
}
