import type { NativeImage, RecordId } from "@accord/core";

/** Bytes of UTF-8 that one UTF-16 unit takes at most. */
const BYTES_PER_UNIT = 3;

/**
 * A sum of records by range: 64 bits into which each record puts its id and its image. Records in any order come to the same sum; records that differ come to another, but
 * for a chance of 2^-64 a range. It protects from no forger: whoever can choose images at both sides has other ways. Kept in memory, never stored.
 */
export class RecordSums {
  private readonly sums: Int32Array;
  private readonly encoder = new TextEncoder();
  private bytes = new Uint8Array(16_384);
  private words = new Int32Array(this.bytes.buffer);
  /** The last hash, and that of the last image: the sides of an entity mostly share one. */
  private low = 0;
  private high = 0;
  private image: NativeImage | null = null;
  private imageLow = 0;
  private imageHigh = 0;

  constructor(ranges: number) {
    this.sums = new Int32Array(ranges * 2);
  }

  add(range: number, record: RecordId, image: NativeImage): void {
    this.hashBoth(record, image);
    this.change(range, 1);
  }

  /** Takes away what `add` added. */
  remove(range: number, record: RecordId, image: NativeImage): void {
    this.hashBoth(record, image);
    this.change(range, -1);
  }

  /** Whether exactly what was added was taken away. */
  isLevel(range: number): boolean {
    return this.sums[range * 2] === 0 && this.sums[range * 2 + 1] === 0;
  }

  private change(range: number, sign: 1 | -1): void {
    this.sums[range * 2] = (this.sums[range * 2] ?? 0) + sign * this.low;
    this.sums[range * 2 + 1] = (this.sums[range * 2 + 1] ?? 0) + sign * this.high;
  }

  private hashBoth(record: RecordId, image: NativeImage): void {
    if (image !== this.image) {
      this.hashImage(image);
      this.image = image;
    }
    let low = record.length;
    let high = ~record.length;
    // Ids are short: by characters they are done before an encoder is called.
    for (let at = 0; at < record.length; at += 1) {
      const unit = record.charCodeAt(at);
      low = lowStep(low, unit);
      high = highStep(high, unit);
    }
    this.low = finish(low ^ this.imageLow);
    this.high = finish(high ^ this.imageHigh);
  }

  private hashImage(image: NativeImage): void {
    const bytesMax = image.length * BYTES_PER_UNIT + 4;
    if (bytesMax > this.bytes.length) {
      this.bytes = new Uint8Array((bytesMax * 2 + 3) & ~3);
      this.words = new Int32Array(this.bytes.buffer);
    }
    const { bytes, words } = this;
    const { written } = this.encoder.encodeInto(image, bytes);
    bytes[written] = 0;
    bytes[written + 1] = 0;
    bytes[written + 2] = 0;
    const count = (written + 3) >> 2;
    let low = written;
    let high = ~written;
    for (let at = 0; at < count; at += 1) {
      const word = words[at] ?? 0;
      low = lowStep(low, word);
      high = highStep(high, word);
    }
    this.imageLow = finish(low);
    this.imageHigh = finish(high);
  }
}

/** Two hashes of 32 bits that share nothing but the words. Each step is one to one in the word: texts that differ in one word only never meet. */
function lowStep(hash: number, word: number): number {
  const mixed = Math.imul(hash ^ word, 0x9e3779b1);
  return (mixed << 13) | (mixed >>> 19);
}

function highStep(hash: number, word: number): number {
  const mixed = Math.imul(hash ^ word, 0x85ebca77);
  return (mixed << 17) | (mixed >>> 15);
}

/** Spreads every bit over all: the finalizer of MurmurHash3. */
function finish(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
