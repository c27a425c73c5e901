import { absorbDelete, getRecord, keyValues, matchKeysOf, readImage, withMember } from "@accord/core";
import type { Entity, MergeEvent, NativeImage, RecordId, References, SideIndex, SyncModel } from "@accord/core";
import type { OpenObject } from "../connector/connector.ts";
import type { Sight } from "./sight.ts";

/**
 * Whether a linked record is another thing than the one that was linked: a system may give the id of a deleted record to the next one (SQLite does so for its highest rowid).
 * Its end must have been told, or seen; and what stands there shows none of the match keys of the thing that was. A record that is deleted and entered anew with one of its keys, as
 * programs do that replace whole rows, is the same. [S34, S38, S40]
 */
export function isAnotherThing(model: SyncModel, entity: Entity, { mark, image }: Sight, references: References): boolean {
  const member = entity.members[mark.side];
  if (image === null || mark.renamedFrom !== null || member === null || member === undefined) return false;
  if (member.record !== mark.record || (mark.kind !== "replaced" && member.state !== "deleted")) return false;
  return showsAnother(model, entity, mark.side, image, references);
}

/** A reading is uncertain for as long as the log may not have told yet what it shows. Tries. */
const UNCERTAIN_TRIES = 3;

/**
 * Whether a reading is of another thing perhaps, and the log has yet to tell: it may show what came after all that was told, and where ids are given again a delete may be among it. So
 * it waits for a few seconds; a record whose match keys were edited is then an edit. [S34]
 */
export function isUncertain(model: SyncModel, entity: Entity, sight: Sight, object: OpenObject, references: References): boolean {
  const { mark, image, position, isReading } = sight;
  const { reusesIds, capture } = object.capabilities;
  if (!reusesIds || capture === "sweep" || !isReading || image === null) return false;
  if (mark.kind !== "touched" || mark.renamedFrom !== null || mark.attempts >= UNCERTAIN_TRIES) return false;
  if (mark.position !== null && position !== null && object.covers(mark.position, position)) return false;
  return showsAnother(model, entity, mark.side, image, references);
}

/** Whether an image shows match keys, and none of those that the thing has or had at this side. */
function showsAnother(model: SyncModel, entity: Entity, side: SideIndex, image: NativeImage, references: References): boolean {
  const member = entity.members[side];
  const mapping = model.sides[side]?.mapping;
  if (member === null || member === undefined || mapping === undefined || member.image === image) return false;
  const seen = matchKeysOf(model, getRecord(mapping, readImage(image), references).values);
  const known = [matchKeysOf(model, keyValues(entity)), matchKeysOf(model, member.shadow)];
  const compared = seen.flatMap((key, rule) =>
    known.flatMap((keys) => (key === null || (keys[rule] ?? null) === null ? [] : [key === keys[rule]])),
  );
  return compared.length > 0 && !compared.includes(true);
}

/** The entity without the record whose id is another thing's now: its end is a delete at that side, and the id is retired. [S34, S38] */
export function endLife(
  model: SyncModel,
  entity: Entity,
  side: SideIndex,
  record: RecordId,
  deletion: { readonly fromMs: number; readonly toMs: number; readonly position: string | null },
  references: References,
): { readonly entity: Entity; readonly events: readonly MergeEvent[] } {
  const absorbed = absorbDelete(model, entity, side, { ...deletion, image: null }, references);
  const member = absorbed.entity.members[side];
  if (member === null || member === undefined || member.record !== record) return absorbed;
  const retired = member.retired.includes(record) ? member.retired : [...member.retired, record];
  return { ...absorbed, entity: withMember(absorbed.entity, side, { ...member, record: null, retired }) };
}
