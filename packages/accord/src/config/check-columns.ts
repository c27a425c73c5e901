import type { FieldMapping, SideModel } from "@accord/core";
import { refuse } from "./side-context.ts";
import type { SideContext } from "./side-context.ts";

/** A field as it was mapped at the side. */
export interface MappedField {
  readonly name: string;
  readonly mapping: FieldMapping | null;
  /** Whether edits of other sides reach this one. */
  readonly isWritten: boolean;
}

/** What holds of all columns of a side together: one writer each, and no required column that creates would leave out. */
export function checkColumns(context: SideContext, fields: readonly MappedField[], constants: SideModel["constants"]): void {
  checkWriters(context, fields, constants);
  checkRequired(context, fields, constants);
}

/** Two fields may not write one column: each would undo the other. [S4] */
function checkWriters(context: SideContext, fields: readonly MappedField[], constants: SideModel["constants"]): void {
  const { sync, side, columns } = context;
  const writerByColumn = new Map<number, string>();
  for (const { name, mapping } of fields) {
    const path = ["syncs", sync.name, "fields", name, side.name];
    for (const column of mapping?.writes ?? []) {
      const other = writerByColumn.get(column);
      const what = `the column "${columns[column] ?? ""}" at ${side.name}`;
      if (other === name) refuse(context, path, `${what} is written twice by this field [S4]`, "give each part a column of its own");
      else if (other !== undefined)
        refuse(
          context,
          path,
          `${what} is written by the field ${other} already [S4]`,
          "map it once, or read it here: { get: … } without put",
        );
      writerByColumn.set(column, name);
    }
  }
  for (const { column } of constants) {
    const writer = writerByColumn.get(column);
    if (writer !== undefined)
      refuse(
        context,
        ["syncs", sync.name, "sides", side.name],
        `the column "${columns[column] ?? ""}" has a constant and is written by the field ${writer} [S4]`,
        "leave the constant out",
      );
  }
}

/** A required column without a default that no field writes would make every create fail. [S29] */
function checkRequired(context: SideContext, fields: readonly MappedField[], constants: SideModel["constants"]): void {
  const written = new Set(constants.map(({ column }) => column));
  let takesCreates = false;
  for (const { mapping, isWritten } of fields) {
    if (mapping === null || !isWritten || mapping.writes.length === 0) continue;
    takesCreates = true;
    for (const column of mapping.writes) written.add(column);
  }
  if (!takesCreates) return;
  const missing = context.schema.columns.filter(
    (column) => !column.nullable && !column.hasDefault && column.writable && !written.has(context.columns.indexOf(column.name)),
  );
  for (const column of missing) {
    refuse(
      context,
      ["syncs", context.sync.name, "sides", context.side.name],
      `the column "${column.name}" (${column.nativeType}) must be filled, has no default, and no field writes it [S29]`,
      `map a field to it, or add constants: { ${column.name}: … } to the side`,
    );
  }
}
