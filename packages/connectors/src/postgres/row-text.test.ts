import { writeImage } from "@accord/core";
import { expect, test } from "vitest";
import { imageOfRow, itemsOfArray } from "./row-text.ts";

/** As record_out prints: quoted where empty, or with a quote, backslash, bracket, comma or white space in it. */
function printRow(cells: readonly (string | null)[]): string {
  const printed = cells.map((cell) => {
    if (cell === null) return "";
    return cell === "" || /["\\(),\s]/.test(cell) ? `"${cell.replace(/["\\]/g, "$&$&")}"` : cell;
  });
  return `(${printed.join(",")})`;
}

const CELLS = [
  "a",
  "",
  null,
  "a b",
  'say "hi"',
  '"',
  "\\",
  "\\N",
  "\\\\",
  '\\"',
  "(1,2)",
  ")",
  ",",
  "a\tb",
  "line\nbreak\r\n",
  "\b\f\v",
  "ä 😀",
];

test("[S57] the image of a row is its cells, whatever is in them", () => {
  for (const first of CELLS)
    for (const second of CELLS) {
      const cells = [first, second, "end"];
      expect(imageOfRow(printRow(cells), 3)).toBe(writeImage(cells));
      expect(imageOfRow(printRow([...cells].toReversed()), 3)).toBe(writeImage([...cells].toReversed()));
    }
  for (const cell of CELLS) expect(imageOfRow(printRow([cell]), 1)).toBe(writeImage([cell]));
  expect(imageOfRow("()", 0)).toBe("");
});

test("an array's items are read back, quoted or not", () => {
  expect(itemsOfArray("{}")).toEqual([]);
  expect(itemsOfArray("{1,22,x-y}")).toEqual(["1", "22", "x-y"]);
  expect(itemsOfArray('{"a b",c,"",",","}","say \\"hi\\"","\\\\N","NULL","tab\there"}')).toEqual([
    "a b",
    "c",
    "",
    ",",
    "}",
    'say "hi"',
    "\\N",
    "NULL",
    "tab\there",
  ]);
});
