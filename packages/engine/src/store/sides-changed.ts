import { AccordError } from "../connector/errors.ts";
import type { SideConfiguration } from "./rows.ts";

type Side = Pick<SideConfiguration, "connection" | "object">;

/**
 * What a sync keeps of its sides goes by their places: a configuration that puts another system in a known one's place would take the records of one for the other's. Sides may be
 * added behind those known. Null where nothing speaks against it.
 */
export function sidesChanged(name: string, known: readonly Side[], configured: readonly Side[]): AccordError | null {
  const isKept = known.every((side, place) => {
    const now = configured[place];
    return now?.connection === side.connection && now.object === side.object;
  });
  if (isKept) return null;
  return new AccordError(
    "ACCORD_SIDES_CHANGED",
    `The sync ${name} was set up between ${listOf(known)}, and the project file now names ${listOf(configured)}; name the first ones as before and in that order, new ones behind them, or give the sync a new name so that it begins anew.`,
    { remedy: "stop", where: name },
  );
}

function listOf(sides: readonly Side[]): string {
  return sides.map(({ connection, object }) => `${connection} (${object})`).join(", ");
}
