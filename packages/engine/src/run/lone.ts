import { NO_REFERENCES, owe, readImage } from "@accord/core";
import type { CanonicalField, Entity, EntityId, MaybeValue, Member, SyncModel } from "@accord/core";
import type { StagedRecord } from "../store/first-contact.ts";
import type { ChangeSet } from "./changes.ts";
import type { EngineContext, RunningSync } from "./context.ts";
import { keepDue } from "./due.ts";

/** A field of an entity that is made anew for every record, but for its value. */
type LoneField = { -readonly [Key in keyof CanonicalField]: CanonicalField[Key] };
type LoneEntity = { -readonly [Key in keyof Entity]: Entity[Key] };

/**
 * Works out what other sides lack of records that met nobody and are told in short: their values are canonical as they `said`, and their own side lacks nothing. [S28, S36]
 * One entity serves for all records, one after another; nobody keeps it.
 */
export class LoneRecords {
  private readonly context: EngineContext;
  private readonly sync: RunningSync;
  private readonly model: SyncModel;
  private readonly fields: readonly LoneField[];
  private readonly members: (Member | null)[];
  private readonly entity: LoneEntity;

  constructor(context: EngineContext, sync: RunningSync) {
    this.context = context;
    this.sync = sync;
    this.model = sync.model;
    const provenance = { side: 0, cause: "initial", fromMs: 0, toMs: 0 } as const;
    this.fields = sync.model.fields.map(() => ({ value: null, version: 1, provenance, review: null, adds: null }));
    this.members = sync.model.sides.map(() => null);
    this.entity = { id: 0, life: { kind: "live" }, version: 1, fields: this.fields, members: this.members, review: null };
  }

  /** Adds what is due for the record's entity at every other side. */
  keep(record: StagedRecord, said: string, id: EntityId, changes: ChangeSet): void {
    const values: readonly MaybeValue[] = readImage(said);
    for (let index = 0; index < this.fields.length; index += 1) {
      const field = this.fields[index];
      if (field !== undefined) field.value = values[index];
    }
    this.entity.id = id;
    for (let side = 0; side < this.members.length; side += 1) {
      if (side === record.side) continue;
      keepDue(this.context, this.sync, this.entity, side, owe(this.model, this.entity, side, NO_REFERENCES), changes);
    }
  }
}
