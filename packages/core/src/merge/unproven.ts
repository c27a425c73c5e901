import { isUnproven, withMember } from "../entity/entity.ts";
import type { Entity, Member } from "../entity/entity.ts";
import type { SyncModel } from "../entity/sync-model.ts";
import type { References } from "../mapping/references.ts";
import { getRecord } from "../mapping/side-mapping.ts";
import { writeImage } from "../record/native-image.ts";
import type { NativeCell } from "../record/native-image.ts";
import type { RecordId, SideIndex } from "../record/identifiers.ts";
import { absorbEditOfDeleted, isEdited } from "./absorb-delete.ts";
import { absorbRecord } from "./absorb.ts";
import type { Absorbed, Observation } from "./absorb.ts";
import type { MergeEvent } from "./merge-event.ts";
import type { ConfirmedWrite } from "./settle.ts";

/**
 * A create whose answer was lost at a system that can tell nobody whose a record is: the member holds what was asked for, and nothing is owed to it, until its record shows up
 * ({@link adoptRecord}) or is known not to be there ({@link giveUpCreate}). [S26, S35] `atMs`: when it was asked for.
 */
export function leaveUnproven(
  model: SyncModel,
  entity: Entity,
  side: SideIndex,
  { fields, set, atMs }: Pick<ConfirmedWrite, "fields" | "set" | "atMs">,
  references: References,
): Entity {
  const mapping = model.sides[side]?.mapping;
  if (mapping === undefined) return entity;
  const old = entity.members[side] ?? null;
  const cells: NativeCell[] = mapping.columns.map(() => undefined);
  for (const { column, cell } of set) cells[column] = cell;
  const ack = model.fields.map(() => 0);
  for (const { field, version } of fields) ack[field] = version;
  const asked: Member = {
    state: "creating",
    record: null,
    // Each try may have made a record: what is found out about an earlier one says nothing of a later one.
    incarnation: (old?.incarnation ?? 0) + 1,
    image: writeImage(cells),
    shadow: getRecord(mapping, cells, references).values,
    ack,
    position: null,
    seenAtMs: atMs,
    intent: null,
    retired: old?.retired ?? [],
  };
  return withMember(entity, side, asked);
}

/**
 * Links a record that is taken for what an unproven create made: `B` is what was asked for, and what differs from it is an edit of a user's. [S35] Where the entity was deleted
 * meanwhile, a record that is as it was asked for is owed its delete; one that was edited is an edit that met a delete. [S38] The member must be unproven.
 */
export function adoptRecord(
  model: SyncModel,
  entity: Entity,
  side: SideIndex,
  record: RecordId,
  observation: Observation,
  by: "create" | "person" | "proof",
  references: References,
): Omit<Absorbed, "reread"> {
  const asked = entity.members[side];
  if (!isUnproven(asked)) return { entity, events: [], problems: [], waiting: [] };
  const joined: MergeEvent = { kind: "joined", side, record, by };
  const found = withMember(entity, side, { ...asked, state: "live", record });
  const reading = { ...observation, fromMs: Math.max(observation.fromMs, asked.seenAtMs), isReading: true };
  const meetsDelete = entity.life.kind === "deleted" && isEdited(asked, reading.image);
  const met = meetsDelete ? absorbEditOfDeleted(model, found, side, reading.toMs) : { entity: found, events: [] };
  const { entity: adopted, events, problems, waiting } = absorbRecord(model, met.entity, side, reading, references);
  return { entity: adopted, events: [joined, ...met.events, ...events], problems, waiting };
}

/** An unproven create made nothing, as a complete listing shows or a person says: the side lacks the record, and is owed it while the entity lives. [S11, S35] */
export function giveUpCreate(
  model: SyncModel,
  entity: Entity,
  side: SideIndex,
  by: "listing" | "person",
): { readonly entity: Entity; readonly events: readonly MergeEvent[] } {
  const asked = entity.members[side];
  if (!isUnproven(asked)) return { entity, events: [] };
  const none: Member = { ...asked, state: "absent", image: null, shadow: [], ack: model.fields.map(() => 0) };
  return { entity: withMember(entity, side, none), events: [{ kind: "notMade", side, by }] };
}
