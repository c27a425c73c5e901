import { equalValues, imageOf, NO_REFERENCES } from "@accord/core";
import type { FieldMapping, NativeCell, ValueType } from "@accord/core";
import { samplesOf } from "./samples.ts";

/** What the mapping laws say of one field at one side, tried on samples. [S48] */
export interface LawFindings {
  /** A class of values of which the side shows something else once written: the field is lossy there. Null: none was found. */
  readonly lossy: string | null;
  /** A class of values that change each time they are written: such a mapping is refused. Null: none was found. */
  readonly unstable: string | null;
}

/** Tries `Img(v) ~ v` (else lossy) and `Img(Img(v)) ~ Img(v)` (else unstable) on samples of the type; values that the side refuses are passed over. */
export function tryLaws(mapping: FieldMapping, type: ValueType, family: string, columns: number): LawFindings {
  let lossy: string | null = null;
  if (mapping.writes.length === 0 || mapping.reference !== null) return { lossy, unstable: null };
  const blank: NativeCell[] = Array.from({ length: columns }, () => null);
  for (const { kind, value } of samplesOf(type, family)) {
    const image = imageOf(mapping, value, blank, NO_REFERENCES);
    if (image === undefined) continue;
    const again = imageOf(mapping, image, blank, NO_REFERENCES);
    if (again !== undefined && !equalValues(type, again, image)) return { lossy, unstable: kind };
    if (!equalValues(type, image, value)) lossy ??= kind;
  }
  return { lossy, unstable: null };
}
