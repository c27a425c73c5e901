import type { CanonicalField, Provenance } from "../entity/entity.ts";
import type { FieldModel, SyncModel } from "../entity/sync-model.ts";
import type { References } from "../mapping/references.ts";
import type { FieldMapping } from "../mapping/side-mapping.ts";
import type { FieldIndex, SideIndex } from "../record/identifiers.ts";
import type { NativeCell } from "../record/native-image.ts";
import type { MaybeValue, Value } from "../value/value-type.ts";

/** Everything about one observed field that does not change while it is absorbed. */
export interface FieldSight {
  readonly model: SyncModel;
  readonly fieldModel: FieldModel;
  readonly fieldMapping: FieldMapping;
  readonly index: FieldIndex;
  readonly side: SideIndex;
  readonly provenance: Provenance;
  /** `B[f]`. */
  readonly base: MaybeValue;
  /** `o`, known. */
  readonly observed: Value;
  /** The record's cells before, for mappings whose `put` keeps what the value does not say. */
  readonly cells: readonly NativeCell[] | null;
  /** The canonical record as merged so far, and the observed one: for policies that look at a neighbouring field. */
  readonly canonical: readonly CanonicalField[];
  readonly record: readonly MaybeValue[];
  readonly references: References;
}

/** What the table reads and changes. `version` is the entity's. */
export interface FieldState {
  readonly field: CanonicalField;
  readonly ack: number;
  readonly version: number;
}
