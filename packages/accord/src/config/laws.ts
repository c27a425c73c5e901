import { equalValues, imageOf, NO_REFERENCES } from "@accord/core";
import type { FieldMapping, MaybeValue, NativeCell, Value, ValueType } from "@accord/core";
import type { Sample } from "./samples.ts";

/** What the mapping laws say of one field at one side, tried on samples. [S48] */
export interface LawFindings {
  /** A class of values of which the side shows something else once written: the field is lossy there. Null: none was found. */
  readonly lossy: string | null;
  /** A class of values that change each time they are written: such a mapping is refused. Null: none was found. */
  readonly unstable: string | null;
}

/** Tries `Img(v) ~ v` (else lossy) and `Img(Img(v)) ~ Img(v)` (else unstable) on samples; values that the side refuses are passed over. */
export function tryLaws(mapping: FieldMapping, type: ValueType, samples: readonly Sample[], columns: number): LawFindings {
  let lossy: string | null = null;
  if (mapping.writes.length === 0 || mapping.reference !== null) return { lossy, unstable: null };
  const blank: NativeCell[] = Array.from({ length: columns }, () => null);
  for (const { kind, value } of samples) {
    const image = imageBy(mapping, value, blank);
    if (image === undefined) continue;
    const again = imageBy(mapping, image, blank);
    if (again !== undefined && !equalValues(type, again, image)) return { lossy, unstable: kind };
    if (!equalValues(type, image, value)) lossy ??= kind;
  }
  return { lossy, unstable: null };
}

/** As in a create; where `get` reads more than `put` writes, as in a record that is empty otherwise. */
function imageBy(mapping: FieldMapping, value: Value, blank: readonly NativeCell[]): MaybeValue {
  const created = imageOf(mapping, value, null, NO_REFERENCES);
  return created === undefined ? imageOf(mapping, value, blank, NO_REFERENCES) : created;
}
