import type { DeletePolicy, Direction } from "@accord/core";
import type { ProjectSync } from "./project.ts";
import type { FieldEntry } from "./schema/field-schema.ts";
import { refuse, remark } from "./side-context.ts";
import type { SideContext } from "./side-context.ts";

/** Which way records flow, as core knows it: `one-way` alone is from the first side. [S55] */
export function directionOf({ sides, entry }: ProjectSync): Direction {
  const { direction } = entry;
  if (direction === "two-way") return { kind: "two-way" };
  if (direction === "append" || isAppend(direction)) return { kind: "append" };
  if (direction === "one-way") return { kind: "one-way", source: 0, drift: "revert" };
  return { kind: "one-way", source: sides.findIndex(({ name }) => name === direction.from), drift: direction.drift };
}

function isAppend(direction: ProjectSync["entry"]["direction"]): direction is { readonly append: string } {
  return typeof direction === "object" && "append" in direction;
}

/** What deletes do where the file says nothing: an item that was added stays where it is, whatever becomes of it elsewhere. [S38, S61] */
export function deletesOf(sync: ProjectSync): DeletePolicy {
  const { do: written, conflict } = sync.entry.deletes;
  if (directionOf(sync).kind === "append") return { do: written ?? "keep", conflict: "delete-wins" };
  return { do: written ?? "archive", conflict: conflict ?? "update-wins" };
}

/** The sides whose edits of a field are taken, by name; null: all. In a one-way sync that is the source, whatever the field says. */
export function writersOf(sync: ProjectSync, field: FieldEntry): readonly string[] | null {
  const direction = directionOf(sync);
  if (isAppend(sync.entry.direction)) return [sync.entry.direction.append];
  if (direction.kind === "one-way") return sync.sides.flatMap(({ name }, side) => (side === direction.source ? [name] : []));
  return field.from === undefined ? null : [field.from].flat();
}

/** What becomes of edits at sides that only receive a field. [S55] */
export function driftOf(sync: ProjectSync, field: FieldEntry): "revert" | "keep" {
  const direction = directionOf(sync);
  return field.drift ?? (direction.kind === "one-way" ? direction.drift : "revert");
}

/** A field of a one-way sync comes from its source and from nowhere else; what is appended has no rules for edits, and it alone is chosen by `only:`. */
export function checkDirection(context: Pick<SideContext, "project" | "findings">, sync: ProjectSync): void {
  const direction = directionOf(sync);
  if (direction.kind === "append") checkAppend(context, sync);
  else checkNoChoice(context, sync);
  if (direction.kind !== "one-way") return;
  const source = sync.sides[direction.source]?.name ?? "";
  for (const [name, field] of Object.entries(sync.entry.fields)) {
    if (field.from === undefined || [field.from].flat().every((side) => side === source)) continue;
    refuse(
      context,
      ["syncs", sync.name, "fields", name, "from"],
      `the sync flows one way, from ${source}, and this field from elsewhere`,
      "leave from: out, or make the sync two-way and name the source of each field",
    );
  }
}

/** What says how edits are merged, where none are. [S61] */
function checkAppend(context: Pick<SideContext, "project" | "findings">, sync: ProjectSync): void {
  const path = ["syncs", sync.name];
  for (const [name, field] of Object.entries(sync.entry.fields)) {
    for (const key of ["policy", "category", "from", "drift"] as const) {
      if (field[key] === undefined) continue;
      refuse(
        context,
        [...path, "fields", name, key],
        "the sync appends: its records are made everywhere once, and no edit of them is carried [S61]",
        `leave ${key}: out, or make the sync two-way`,
      );
    }
  }
  if (sync.entry.deletes.conflict !== undefined)
    refuse(
      context,
      [...path, "deletes", "conflict"],
      "the sync appends: edits are not carried, so that no delete meets one [S61]",
      "leave conflict: out",
    );
  if (sync.entry.match.length === 0)
    remark(
      context,
      "match",
      path,
      "appends without match keys: at first contact each side's items are added to all others; give match: where both sides hold the same already [S36, S61]",
    );
}

function checkNoChoice(context: Pick<SideContext, "project" | "findings">, sync: ProjectSync): void {
  for (const [name, { only }] of Object.entries(sync.entry.sides)) {
    if (only === undefined) continue;
    refuse(
      context,
      ["syncs", sync.name, "sides", name, "only"],
      "only: chooses what is added once, and the records of this sync are kept in agreement [S42, S61]",
      "use filter:, over the columns of this side, or direction: append",
    );
  }
}
