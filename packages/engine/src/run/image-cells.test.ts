import { readImage, writeImage } from "@accord/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { ImageCells } from "./image-cells.ts";

const cells = fc.array(
  fc.option(fc.option(fc.string({ unit: fc.constantFrom("a", "\t", "\\", "N", "U", "\n", "é") }), { nil: null }), { nil: undefined }),
  {
    minLength: 1,
    maxLength: 90,
  },
);

test("[S3] cells looked up are the cells of the image", () => {
  const looking = new ImageCells();
  fc.assert(
    fc.property(cells, (some) => {
      const image = writeImage(some);
      looking.see(image);
      expect(some.map((_, place) => looking.cell(place))).toEqual(readImage(image));
      expect(looking.cell(some.length)).toBeUndefined();
    }),
  );
});

test("[S3] rows of cells are the same where each of them is", () => {
  const [one, other] = [new ImageCells(), new ImageCells()];
  one.see(writeImage(["a", null, "b\t", "c"]));
  other.see(writeImage(["x", "a", null, "b\t", "d"]));
  expect(one.isSame(0, other, 1, 3)).toBe(true);
  expect(one.isSame(0, other, 1, 4)).toBe(false);
  expect(one.isSame(2, other, 3, 1)).toBe(true);
  expect(one.isSame(3, other, 4, 2)).toBe(false);
});
