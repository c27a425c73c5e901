/**
 * The native image `N` of a record: the cells of every column its mappings read, in the order of `SideMapping.columns`, as one text. [S3]
 *
 * Cells are separated by tabs; a tab, newline, carriage return, backspace, form feed, vertical tab or backslash inside a cell is escaped with a backslash, `\N` is null and `\U` is unknown:
 * PostgreSQL's COPY text format, plus `\U`. So a line that arrives from COPY is an image as it stands, two images are compared as two strings, and the store
 * keeps them without a conversion. Only its connector knows what the text of a cell means natively.
 */
export type NativeImage = string & { readonly brand?: "NativeImage" };

/** One cell of a native image: the connector's own exact text of the native value, null, or unknown (`undefined`). */
export type NativeCell = string | null | undefined;

/** An image with its cells. */
export interface CutImage {
  readonly image: NativeImage;
  readonly cells: readonly NativeCell[];
}

const NULL_CELL = "\\N";
const UNKNOWN_CELL = "\\U";
const ESCAPED = /[\b\t\n\v\f\r\\]/;
const ESCAPED_ALL = /[\b\t\n\v\f\r\\]/g;
const ESCAPE_SEQUENCE = /\\(.)/gs;

/** Writes cells as an image. The inverse of {@link readImage}. */
export function writeImage(cells: readonly NativeCell[]): NativeImage {
  let image = "";
  for (let index = 0; index < cells.length; index += 1) {
    if (index > 0) image += "\t";
    image += writeCell(cells[index]);
  }
  return image;
}

/** Reads the cells of an image. The inverse of {@link writeImage}. */
export function readImage(image: NativeImage): NativeCell[] {
  const cells: NativeCell[] = image.split("\t");
  if (!image.includes("\\")) return cells;
  for (let index = 0; index < cells.length; index += 1) {
    const cell = cells[index];
    if (cell !== null && cell !== undefined && cell.includes("\\")) cells[index] = readCell(cell);
  }
  return cells;
}

/** Lays the known cells of `over` on `under`: an unknown cell keeps what was known before. [S5] */
export function overlayImage(under: NativeImage, over: NativeImage): NativeImage {
  if (!over.includes(UNKNOWN_CELL)) return over;
  const below = readImage(under);
  return writeImage(readImage(over).map((cell, index) => (cell === undefined ? below[index] : cell)));
}

function writeCell(cell: NativeCell): string {
  if (cell === null) return NULL_CELL;
  if (cell === undefined) return UNKNOWN_CELL;
  return ESCAPED.test(cell) ? cell.replace(ESCAPED_ALL, escapeOf) : cell;
}

function escapeOf(character: string): string {
  switch (character) {
    case "\t":
      return "\\t";
    case "\n":
      return "\\n";
    case "\r":
      return "\\r";
    case "\b":
      return "\\b";
    case "\f":
      return "\\f";
    case "\v":
      return "\\v";
    default:
      return "\\\\";
  }
}

function readCell(text: string): NativeCell {
  if (text === NULL_CELL) return null;
  if (text === UNKNOWN_CELL) return undefined;
  return text.replace(ESCAPE_SEQUENCE, (_, character: string) => unescaped(character));
}

function unescaped(character: string): string {
  switch (character) {
    case "t":
      return "\t";
    case "n":
      return "\n";
    case "r":
      return "\r";
    case "b":
      return "\b";
    case "f":
      return "\f";
    case "v":
      return "\v";
    default:
      return character;
  }
}
