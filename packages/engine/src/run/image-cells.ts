import { readImage } from "@accord/core";
import type { NativeCell, NativeImage } from "@accord/core";

const TAB = "\t";
const ESCAPE = "\\";
const NULL_CELL = "\\N";

/** Looks into one image after another without cutting it up: where its cells begin is found once, and only the cells that are asked for are read. */
export class ImageCells {
  private image: NativeImage = "";
  /** Where each cell begins; one more stands behind the last. */
  private begins = new Int32Array(64);
  private count = 0;

  /** Looks at an image, or at its first cells alone: the others are then unknown. */
  see(image: NativeImage, cells = Number.POSITIVE_INFINITY): void {
    this.image = image;
    let count = 0;
    let begin = 0;
    while (begin <= image.length && count < cells) {
      if (count + 1 >= this.begins.length) this.begins = grown(this.begins);
      const end = image.indexOf(TAB, begin);
      begin = (end === -1 ? image.length : end) + 1;
      count += 1;
      this.begins[count] = begin;
    }
    this.count = count;
  }

  /** How many cells were found. */
  get length(): number {
    return this.count;
  }

  /** The cell at a place; unknown where there is none. */
  cell(place: number): NativeCell {
    if (place >= this.count) return undefined;
    const text = this.text(place, 1);
    if (!text.includes(ESCAPE)) return text;
    return text === NULL_CELL ? null : readImage(text)[0];
  }

  /** Whether a row of cells is the same text as one of another image. */
  isSame(place: number, other: ImageCells, otherPlace: number, length: number): boolean {
    return (
      place + length <= this.count && otherPlace + length <= other.count && this.text(place, length) === other.text(otherPlace, length)
    );
  }

  /** Some cells one after another, as they stand. They must be there. */
  text(place: number, length: number): string {
    return this.image.slice(this.begins[place], (this.begins[place + length] ?? 0) - 1);
  }
}

function grown(begins: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const more = new Int32Array(begins.length * 2);
  more.set(begins);
  return more;
}
