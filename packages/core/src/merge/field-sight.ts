import type { CanonicalField, Provenance } from "../entity/entity.ts";
import type { FieldModel, SyncModel } from "../entity/sync-model.ts";
import type { References } from "../mapping/references.ts";
import { imageOf } from "../mapping/side-mapping.ts";
import type { FieldMapping } from "../mapping/side-mapping.ts";
import type { FieldIndex, SideIndex } from "../record/identifiers.ts";
import type { NativeCell } from "../record/native-image.ts";
import { equalValues } from "../value/value-type.ts";
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
  /** The record's cells before and as seen, for mappings whose `put` keeps what the value does not say. */
  readonly cellsBefore: readonly NativeCell[] | null;
  readonly cellsAfter: readonly NativeCell[];
  /** The canonical record before this observation, and the observed one: for policies that look at a neighbouring field, whatever the fields' order. */
  readonly canonical: readonly CanonicalField[];
  readonly record: readonly MaybeValue[];
  readonly references: References;
  /** See `Observation.isRebase`. */
  readonly isRebase: boolean;
}

/** What the table reads and changes. `version` is the entity's. */
export interface FieldState {
  readonly field: CanonicalField;
  readonly ack: number;
  readonly version: number;
}

/** Whether `shown` is what the side shows of a canonical value: `shown ~ Img_s(C)`, put into `cells`. [S15] */
export function showsImage(sight: FieldSight, canonical: Value, shown: MaybeValue, cells: readonly NativeCell[] | null): boolean {
  const image = imageOf(sight.fieldMapping, canonical, cells, sight.references);
  return image !== undefined && equalValues(sight.fieldModel.type, image, shown);
}

/** Whether the side never told a value of this field, not even one that could not be understood: what it shows now is first contact, not an edit. [S36, S51] */
export function isFirstSight({ base, cellsBefore, fieldMapping }: FieldSight): boolean {
  return base === undefined && fieldMapping.reads.every((column) => cellsBefore?.[column] === undefined);
}
