import { identityType, invalid, valid } from "./identity-type.ts";
import type { ValueType } from "./value-type.ts";

/**
 * The id of an entity of another sync (or of the same one: a tree), as text. [S44] What an id looks like is the hub's matter: every text but the empty one is
 * taken as it stands. No order: ids say nothing about size.
 */
export function referenceType(syncName: string): ValueType {
  return identityType({
    name: `reference(${syncName})`,
    version: 1,
    parse: (text) => (text === "" ? invalid("an empty reference") : valid(text)),
    order: null,
  });
}
