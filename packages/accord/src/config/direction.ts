import type { Direction } from "@accord/core";
import type { ProjectSync } from "./project.ts";
import type { FieldEntry } from "./schema/field-schema.ts";
import { refuse } from "./side-context.ts";
import type { SideContext } from "./side-context.ts";

/** Which way records flow, as core knows it: `one-way` alone is from the first side. [S55] */
export function directionOf({ sides, entry }: ProjectSync): Direction {
  const { direction } = entry;
  if (direction === "two-way") return { kind: "two-way" };
  if (direction === "one-way") return { kind: "one-way", source: 0, drift: "revert" };
  return { kind: "one-way", source: sides.findIndex(({ name }) => name === direction.from), drift: direction.drift };
}

/** The sides whose edits of a field are taken, by name; null: all. In a one-way sync that is the source, whatever the field says. */
export function writersOf(sync: ProjectSync, field: FieldEntry): readonly string[] | null {
  const direction = directionOf(sync);
  if (direction.kind === "one-way") return sync.sides.flatMap(({ name }, side) => (side === direction.source ? [name] : []));
  return field.from === undefined ? null : [field.from].flat();
}

/** What becomes of edits at sides that only receive a field. [S55] */
export function driftOf(sync: ProjectSync, field: FieldEntry): "revert" | "keep" {
  const direction = directionOf(sync);
  return field.drift ?? (direction.kind === "one-way" ? direction.drift : "revert");
}

/** A field of a one-way sync comes from its source and from nowhere else. */
export function checkDirection(context: Pick<SideContext, "project" | "findings">, sync: ProjectSync): void {
  const direction = directionOf(sync);
  if (direction.kind === "two-way") return;
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
