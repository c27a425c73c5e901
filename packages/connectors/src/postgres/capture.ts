import type { CallOptions, Cursor, Feed, OpenObject } from "@accord/engine/connector";
import { readCaptureTables } from "./capture-tables.ts";
import { readInstalled } from "./installed.ts";
import { followLog } from "./log-feed.ts";
import { currentLogCursor, notInstalled } from "./log-slot.ts";
import type { CaptureAccess } from "./log-slot.ts";
import { currentTouchedCursor, followTouched } from "./touched-feed.ts";

/**
 * Follows changes the way that is installed, from a cursor on. See {@link followLog} and {@link followTouched}.
 * @throws {AccordError} ACCORD_NOT_INSTALLED also where one of the objects is not captured; ACCORD_CURSOR_EXPIRED also where the way has changed
 */
export async function followChanges(
  access: CaptureAccess,
  objects: readonly OpenObject[],
  cursor: Cursor,
  options: CallOptions,
): Promise<Feed> {
  const installed = await readInstalled(access, options);
  const { where } = access.database;
  if (installed.capture === "none") throw notInstalled(where, "neither a publication nor a trigger log is there");
  for (const { schema } of objects) {
    if (!installed.captured.has(schema.name)) throw notInstalled(where, `the changes of ${schema.name} are not captured`);
  }
  const names = objects.map(({ schema }) => schema.name);
  const tables = await readCaptureTables(access.database, names, options);
  const followed = tables.flatMap((table, object) => {
    const opened = objects[object];
    return table === null || opened === undefined ? [] : [{ ...table, object, key: opened.schema.key, columns: opened.columns }];
  });
  return installed.capture === "log" ? followLog(access, followed, cursor, options) : followTouched(access, followed, cursor, options);
}

/** A cursor from which a feed shows every change whose commit a listing begun afterwards may have missed. */
export async function currentCursor(access: CaptureAccess, options: CallOptions): Promise<Cursor> {
  const { capture } = await readInstalled(access, options);
  if (capture === "none") throw notInstalled(access.database.where, "neither a publication nor a trigger log is there");
  return capture === "log" ? currentLogCursor(access, options) : currentTouchedCursor(access, options);
}
