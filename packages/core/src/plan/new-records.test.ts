import { groupMapping, plainMapping, smallSync } from "@accord/testkit";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { SyncModel } from "../entity/sync-model.ts";
import type { FieldMapping } from "../mapping/side-mapping.ts";
import { NO_REFERENCES } from "../mapping/references.ts";
import { writeImage } from "../record/native-image.ts";
import type { NativeCell } from "../record/native-image.ts";
import { groupParts } from "../value/group.ts";
import type { MaybeValue } from "../value/value-type.ts";
import { textType } from "../value/text.ts";
import { NewRecords } from "./new-records.ts";
import { oweRecord } from "./owe.ts";

/** Side 1 takes `a` as it stands where it is short, spells `b` in its own way and refuses some of it, parts `c` in two columns, and has one more column. */
function modelWith(patch: Partial<SyncModel["sides"][number]> = {}): SyncModel {
  const model = smallSync({ a: {}, b: {}, c: {} });
  const [first, second] = model.sides;
  if (first === undefined || second === undefined) throw new RangeError("two sides");
  const asItStands: FieldMapping = { ...plainMapping(3, textType), isAsIs: true, keeps: (value) => value.length < 4 };
  const spelled: FieldMapping = {
    ...plainMapping(0, textType),
    isAsIs: false,
    get: (cells) => ({ kind: "ok", result: cells[0]?.toLowerCase() ?? cells[0] }),
    put: (value) => (value?.includes("x") ? { kind: "problem", problem: "no x" } : { kind: "ok", result: [value?.toUpperCase() ?? null] }),
  };
  const mapping = {
    version: 1,
    columns: ["b", "c1", "c2", "a", "kind", "extra"],
    fields: [asItStands, spelled, groupMapping([1, 2], groupParts)],
  };
  return { ...model, sides: [first, { ...second, mapping, constants: [{ column: 4, cell: "k\t" }], ...patch }] };
}

const text = fc.oneof(fc.constantFrom("", "\\U", "\\N", "a\tb", "x", "line\n"), fc.string({ maxLength: 6 }));
const value = fc.option(text);
const group = fc.option(fc.tuple(value, value).map((parts) => JSON.stringify(parts)));

test("[S28] what a new record is made of is what is owed, or is left to that", () => {
  const filters = [null, (cells: readonly NativeCell[]): boolean => cells[3] !== "x"];
  const meant = [null, ([first]: readonly MaybeValue[]): boolean => first !== "a\tb"];
  let made = 0;
  fc.assert(
    fc.property(
      fc.array(fc.tuple(value, value, group), { minLength: 1, maxLength: 5 }),
      fc.constantFrom(...filters),
      fc.constantFrom(...meant),
      (rows, filter, only) => {
        const model = modelWith({ filter, only });
        const records = NewRecords.of(model, 1);
        expect(records).not.toBe(null);
        for (const values of rows) {
          const owed = oweRecord(model, 1, values, [1, 1, 1], NO_REFERENCES);
          const record = records?.write(writeImage(values)) ?? null;
          expect(records?.isOwed(writeImage(values)) === true && owed.kind !== "create").toBe(false);
          if (record === null) continue;
          made += 1;
          if (owed.kind !== "create") throw new Error(`it is owed ${owed.kind}`);
          const cells: NativeCell[] = Array.from({ length: 6 }, () => undefined);
          for (const { column, cell } of owed.set) cells[column] = cell;
          expect(record.image).toBe(writeImage(cells));
          const columns = [3, 0, null];
          const shows = owed.fields.filter(({ field, after }) => columns[field] === null || cells[columns[field] ?? 0] !== after);
          expect(record.shows).toEqual(shows.map(({ field, after }) => [field, after]));
        }
      },
    ),
    { numRuns: 300 },
  );
  expect(made).toBeGreaterThan(100);
});

test("[S5] an unknown value is left to others, and so is what cannot be told", () => {
  const records = NewRecords.of(modelWith(), 1);
  expect(records?.isOwed(writeImage(["a", undefined, null]))).toBe(false);
  expect(records?.write(writeImage(["a", undefined, null]))).toBe(null);
});

test("[S44, S50] sides that name records, are paused in a field, or cannot be written one are left to others", () => {
  const model = modelWith();
  const [first, second] = model.sides;
  if (first === undefined || second === undefined) throw new RangeError("two sides");
  const withField = (patch: Partial<FieldMapping>): SyncModel => {
    const [a, b = null, c = null] = second.mapping.fields;
    if (!a) throw new RangeError("a field");
    return { ...model, sides: [first, { ...second, mapping: { ...second.mapping, fields: [{ ...a, ...patch }, b, c] } }] };
  };
  expect(NewRecords.of(withField({}), 1)).not.toBe(null);
  expect(NewRecords.of(withField({ paused: "gone" }), 1)).toBe(null);
  expect(NewRecords.of(withField({ writes: [] }), 1)).toBe(null);
  expect(NewRecords.of(withField({ reads: [3, 5] }), 1)).toBe(null);
  expect(NewRecords.of(withField({ writes: [3, 0] }), 1)).toBe(null);
  expect(NewRecords.of({ ...model, fields: model.fields.map((field) => ({ ...field, writers: [false, true] })) }, 1)).toBe(null);
});
