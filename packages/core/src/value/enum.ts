import { identityType, invalid, valid } from "./identity-type.ts";
import type { ValueType } from "./value-type.ts";

/**
 * One of the given texts, exactly as given: other spellings are for a mapping to translate, and a new option is for a person to see. [S50]
 * Ordered by the place in the list, which is what a ladder climbs. [S21]
 *
 * @param options distinct texts; a repeated one counts at its first place
 */
export function enumType(options: readonly string[]): ValueType {
  const places = new Map<string, number>();
  for (const option of options) if (!places.has(option)) places.set(option, places.size);
  const placeOf = (text: string): number => places.get(text) ?? places.size;
  return identityType({
    name: `enum(${[...places.keys()].join(", ")})`,
    version: 1,
    parse: (text) => (places.has(text) ? valid(text) : invalid(`none of the ${places.size} allowed values`)),
    order: (a, b) => placeOf(a) - placeOf(b),
  });
}
