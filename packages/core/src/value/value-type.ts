/**
 * A known value in its canonical text, or null. [S5] unknown ≠ null ≠ value: unknown is `undefined`, see {@link MaybeValue}.
 * Every type has exactly one spelling per value, so that storage, comparison and display need no conversion: "12.5" and never "12.50".
 */
export type Value = string | null;

/** A value, null, or unknown (`undefined`: absent from a payload, unreadable, not loaded). Unknown is never a change. [S5] */
export type MaybeValue = Value | undefined;

/** What parsing a foreign spelling gives: the canonical text, or a problem in plain words that never repeats the value itself. */
export type ParseResult = { readonly kind: "value"; readonly text: string } | { readonly kind: "invalid"; readonly problem: string };

/**
 * The behaviour of one type of value. All functions are pure and total; but for `parse`, they take canonical texts only.
 * Null and unknown never reach a type: see `equalValues`, which handles them for every type alike.
 */
export interface ValueType {
  /** How the type is written in accord.yaml and in messages, parameters included: `decimal`, `enum(lead, customer)`. */
  readonly name: string;
  /** Raised when `parse`, `equal`, `hash` or `key` change their answers, so that stored keys can be rebuilt. [S51] */
  readonly version: number;
  /** Reads any accepted spelling into the one canonical text. `parse(parse(x)) = parse(x)`. */
  parse(text: string): ParseResult;
  /** The equivalence `~f` of semantics section 3: reflexive, symmetric, transitive. Phones written differently are equal. */
  equal(a: string, b: string): boolean;
  /** Total order for `max`, `min` and ladders; null where the type has no order. Zero exactly where the order calls them level. */
  readonly order: ((a: string, b: string) => number) | null;
  /** Equal values have equal hashes (the text itself where equality is identity). */
  hash(text: string): string;
  /** The normalised match key, or null when this value must not identify anything (an empty text). [S36] */
  key(text: string): string | null;
}

/** Equality of possibly null or unknown values: unknown equals only unknown, null only null. */
export function equalValues(type: ValueType, a: MaybeValue, b: MaybeValue): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined || a === null || b === null) return false;
  return type.equal(a, b);
}
