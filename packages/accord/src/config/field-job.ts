import type { FieldType } from "./field-type.ts";
import type { BoundColumn } from "./mapping/bound-column.ts";
import type { FieldEntry } from "./schema/field-schema.ts";
import { refuse } from "./side-context.ts";
import type { SideContext } from "./side-context.ts";
import type { KeyPath } from "./yaml/source.ts";

/** One field to be compiled at one side. */
export interface FieldJob {
  readonly name: string;
  readonly path: KeyPath;
  readonly field: FieldEntry;
  readonly type: FieldType;
  /** Whether edits made elsewhere reach this side: then its columns must be writable. */
  readonly isWritten: boolean;
}

/** Whether columns may be written; null with a problem where they may not although edits made elsewhere should reach them. [S29] */
export function writability(context: SideContext, job: FieldJob, columns: readonly BoundColumn[], path: KeyPath): boolean | null {
  const readOnly = columns.find(({ schema }) => !schema.writable);
  if (readOnly === undefined) return true;
  if (!job.isWritten) return false;
  return refuse(
    context,
    path,
    `the column "${readOnly.name}" cannot be written, and edits made elsewhere would have to be`,
    `add from: ${context.side.name} to the field, or map it read-only: { get: ${readOnly.name} }`,
  );
}
