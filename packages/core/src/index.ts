// record
export { overlayImage, readImage, writeImage } from "./record/native-image.ts";
export type { CutImage, NativeCell, NativeImage } from "./record/native-image.ts";
export type { EntityId, FieldIndex, IntentId, RecordId, SideIndex } from "./record/identifiers.ts";
export type { ColumnCodec, ColumnSchema, ObjectSchema, ReferenceSchema } from "./record/object-schema.ts";
export { fingerprint } from "./record/digest.ts";
export { compareRecordIds } from "./record/record-order.ts";

// match
export { decideMatch } from "./match/decide-match.ts";
export type { KeyCandidates, MatchDecision } from "./match/decide-match.ts";

// value
export { builtinTypes } from "./value/builtin.ts";
export { booleanType } from "./value/boolean.ts";
export { bytesType } from "./value/bytes.ts";
export { dateType } from "./value/date.ts";
export { compareDecimals, decimalType } from "./value/decimal.ts";
export { enumType } from "./value/enum.ts";
export { groupParts, groupText, groupType } from "./value/group.ts";
export type { GroupPart } from "./value/group.ts";
export { instantType } from "./value/instant.ts";
export { integerType } from "./value/integer.ts";
export { jsonType } from "./value/json.ts";
export { referenceType } from "./value/reference.ts";
export { setElements, setText, setType } from "./value/set.ts";
export { textKey, textType } from "./value/text.ts";
export { timeType } from "./value/time.ts";
export { timestampType } from "./value/timestamp.ts";
export { uuidType } from "./value/uuid.ts";
export { equalValues } from "./value/value-type.ts";
export { zonedType } from "./value/zoned.ts";
export type { MaybeValue, ParseResult, Value, ValueType } from "./value/value-type.ts";

// mapping
export { getRecord, imageOf } from "./mapping/side-mapping.ts";
export type { FieldMapping, GottenRecord, Mapped, ReferenceMapping, SideMapping } from "./mapping/side-mapping.ts";
export { NO_REFERENCES } from "./mapping/references.ts";
export type { References } from "./mapping/references.ts";

// entity
export { cellsOf, isCurrent, isPresent, isUnproven, keyValues, UNKNOWN_FIELD, withMember, withValue } from "./entity/entity.ts";
export type { CanonicalField, CountDelta, Entity, Life, Member, MemberState, Provenance, ReviewCase, SetAdd } from "./entity/entity.ts";
export { isAppended, isArchived, isMeantFor, isReceiver, matchKeysOf, mergedInto, sideName, takesPart } from "./entity/sync-model.ts";
export type {
  ArchiveMark,
  DeletePolicy,
  Direction,
  FieldModel,
  InitialPolicy,
  MaybeBoolean,
  MergeMark,
  MergePolicy,
  ReferenceModel,
  SideModel,
  SyncModel,
} from "./entity/sync-model.ts";

// merge
export { absorbFields, absorbRecord } from "./merge/absorb.ts";
export type { Absorbed, Observation, SeenRecord } from "./merge/absorb.ts";
export { absorbDelete, absorbEditOfDeleted, absorbReturn, deleteByDecision, isEdited, revive } from "./merge/absorb-delete.ts";
export type { Deleted, DeleteObservation } from "./merge/absorb-delete.ts";
export { deleteWith, detachFrom, hasNewsFor, keepForChildren, names } from "./merge/follow-parent.ts";
export type { LostParent } from "./merge/follow-parent.ts";
export { CIRCLE, newPlaces, refusePlace } from "./merge/tree.ts";
export { createEntity, joinMember } from "./merge/join.ts";
export type { Joined } from "./merge/join.ts";
export { followMerges } from "./merge/follow-merges.ts";
export {
  absorbMergeAtReceiver,
  decideMerged,
  isLeftOver,
  mergeEntities,
  shellOf,
  swapRecords,
  unmerge,
  winnerThere,
} from "./merge/merge-entities.ts";
export type { MergedEntities, MergeObservation } from "./merge/merge-entities.ts";
export type { MergeEvent } from "./merge/merge-event.ts";
export { decideField } from "./merge/review.ts";
export { freezeFight, isFight, TELLINGS_MAX } from "./merge/fight.ts";
export type { Telling } from "./merge/fight.ts";
export { rankAmong } from "./merge/policy.ts";
export { undoField } from "./merge/undo.ts";
export type { Undone } from "./merge/undo.ts";
export type {
  BlankRule,
  CounterPolicy,
  CustomPolicy,
  CustomResolution,
  LadderPolicy,
  NewestPolicy,
  OwnerPolicy,
  Policy,
  SideRanks,
} from "./merge/policy.ts";

export { giveUpCreate, leaveUnproven } from "./merge/unproven.ts";
export { settleWrite } from "./merge/settle.ts";
export type { ConfirmedWrite, Settled } from "./merge/settle.ts";

// plan
export { checkCount, checkGuards } from "./plan/guards.ts";
export type { GuardCounts, GuardLimits, GuardStop } from "./plan/guards.ts";
export { acknowledgeLevel, owe, oweRecord } from "./plan/owe.ts";
export type { Cell, Owed, OwedField, WriteOwed } from "./plan/owe.ts";
export { NewRecords } from "./plan/new-records.ts";
export type { NewRecord } from "./plan/new-records.ts";
