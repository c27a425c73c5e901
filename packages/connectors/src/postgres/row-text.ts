import type { NativeImage } from "@accord/core";
import { writeImage } from "@accord/core";

/**
 * The image of a row that the server printed as one text, `("a b",,"say ""hi""")`: one text for a row costs a third of a text for each of its cells.
 * A cell is quoted where it is empty or holds a quote, backslash, bracket, comma or white space; quotes and backslashes in it are doubled; null is nothing
 * at all [record_out in rowtypes.c]. So but for the quotes it is escaped as an image is, and control characters are all that is left to do.
 *
 * @param columns how many cells the row has: none and one null are printed alike
 */
export function imageOfRow(row: string, columns: number): NativeImage {
  if (columns === 0) return "";
  if (CONTROL.test(row)) return writeImage(cellsOfRow(row));
  const end = row.length - 1;
  // Joined in one go, so that the image lies in one piece and does not hold on to the row.
  const pieces: string[] = [];
  for (let at = 1; ; at += 1) {
    if (row.charCodeAt(at) === QUOTE) {
      const from = at + 1;
      let close = row.indexOf('"', from);
      let doubled = false;
      for (; row.charCodeAt(close + 1) === QUOTE; close = row.indexOf('"', close + 2)) doubled = true;
      const cell = row.slice(from, close);
      pieces.push(doubled ? cell.replaceAll('""', '"') : cell);
      at = close + 1;
    } else {
      const comma = row.indexOf(",", at);
      const stop = comma < 0 ? end : comma;
      pieces.push(stop === at ? "\\N" : row.slice(at, stop));
      at = stop;
    }
    if (at >= end) return pieces.join("\t");
  }
}

/** The elements of a text array without nulls, as the server prints it: `{1,"a b"}`. */
export function itemsOfArray(array: string): string[] {
  if (array === "{}") return [];
  if (!array.includes('"')) return array.slice(1, -1).split(",");
  const items: string[] = [];
  for (let at = 1; at < array.length; at += 1) {
    if (array.charCodeAt(at) === QUOTE) {
      let close = at + 1;
      for (; array.charCodeAt(close) !== QUOTE; close += 1) if (array.charCodeAt(close) === BACKSLASH) close += 1;
      items.push(array.slice(at + 1, close).replace(/\\(.)/gs, "$1"));
      at = close + 1;
    } else {
      const comma = array.indexOf(",", at);
      const stop = comma < 0 ? array.length - 1 : comma;
      items.push(array.slice(at, stop));
      at = stop;
    }
  }
  return items;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** What an image escapes, beside backslashes. */
const CONTROL = /[\b\t\n\v\f\r]/;

function cellsOfRow(row: string): (string | null)[] {
  const cells: (string | null)[] = [];
  const end = row.length - 1;
  for (let at = 1; ; at += 1) {
    if (row.charCodeAt(at) === QUOTE) {
      let close = at + 1;
      for (; row.charCodeAt(close) !== QUOTE || row.charCodeAt(close + 1) === QUOTE; close += 1) {
        const code = row.charCodeAt(close);
        if (code === QUOTE || code === BACKSLASH) close += 1;
      }
      cells.push(row.slice(at + 1, close).replace(/(["\\])\1/g, "$1"));
      at = close + 1;
    } else {
      const comma = row.indexOf(",", at);
      const stop = comma < 0 ? end : comma;
      cells.push(stop === at ? null : row.slice(at, stop));
      at = stop;
    }
    if (at >= end) return cells;
  }
}
