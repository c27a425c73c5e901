import { AccordError } from "../connector/errors.ts";
import type { CallOptions } from "../host/host.ts";
import type { EngineContext, RunningSync } from "./context.ts";

/**
 * Looks whether the columns of a side are still what they were when it was opened. What a column of another type holds must not be taken for somebody's edit: the run ends before it looks, and
 * begins anew with that field paused. [S50]
 *
 * @throws {AccordError} ACCORD_OBJECT_MISSING (stop), and what opening throws
 */
export async function checkTypes(context: EngineContext, sync: RunningSync, side: number, options: CallOptions): Promise<void> {
  const model = sync.model.sides[side];
  const opened = sync.objects[side];
  const connection = model === undefined ? undefined : context.connections.get(model.connection);
  if (model === undefined || opened === undefined || connection === undefined) return;
  const { schema } = await connection.open(model.object, [], options);
  const typeIn = (columns: typeof schema.columns, name: string): string => {
    const column = columns.find((one) => one.name === name);
    return column === undefined ? "" : `${column.nativeType} ${column.codec?.typeName ?? ""}`;
  };
  const changed = [...new Set([...opened.columns, ...opened.schema.key])].find(
    (name) => typeIn(schema.columns, name) !== typeIn(opened.schema.columns, name),
  );
  if (changed === undefined) return;
  throw new AccordError(
    "ACCORD_OBJECT_MISSING",
    `The column ${changed} of ${model.object} at ${model.connection} is not what it was when this run began; run the command again.`,
    { remedy: "stop", where: model.connection },
  );
}
