import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fingerprint } from "./digest.ts";
import { overlayImage, readImage, writeImage } from "./native-image.ts";
import { compareRecordIds } from "./record-order.ts";

const cell = fc.option(fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("\\N", "\\U", "\\", "\t", "a\nb\r\b\f\v", "")), {
  nil: null,
});
const cells = fc.array(fc.oneof(cell, fc.constant(undefined)), { minLength: 1, maxLength: 5 });

describe("native images", () => {
  test("[S3, S5] what is written is read again: text, null and unknown apart", () => {
    fc.assert(
      fc.property(cells, (written) => {
        expect(readImage(writeImage(written))).toEqual(written);
      }),
      { numRuns: 1000 },
    );
  });

  test("[S3] two images are equal exactly when their cells are, and never span lines", () => {
    fc.assert(
      fc.property(cells, cells, (a, b) => {
        expect(writeImage(a) === writeImage(b)).toBe(JSON.stringify(tagged(a)) === JSON.stringify(tagged(b)));
        expect(writeImage(a)).not.toMatch(/[\n\r]/);
      }),
    );
  });

  test("[S3] a line of PostgreSQL's COPY is an image as it stands", () => {
    expect(readImage("a\\tb\t\\N\t\\\\N\t")).toEqual(["a\tb", null, "\\N", ""]);
    expect(writeImage(["a\tb", null, "\\N", ""])).toBe("a\\tb\t\\N\t\\\\N\t");
  });

  test("[S5] an unknown cell keeps what was known before", () => {
    expect(overlayImage(writeImage(["a", "b", null]), writeImage([undefined, "c", undefined]))).toBe(writeImage(["a", "c", null]));
    expect(overlayImage(writeImage(["a"]), writeImage(["\\U"]))).toBe(writeImage(["\\U"]));
  });
});

function tagged(values: readonly (string | null | undefined)[]): unknown[] {
  return values.map((value) => (value === undefined ? 0 : value));
}

describe("record order", () => {
  const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });

  test("[S9] integers compare as integers, beyond the safe range too", () => {
    fc.assert(
      fc.property(int64, int64, (a, b) => {
        expect(Math.sign(compareRecordIds("integer", String(a), String(b)))).toBe(a < b ? -1 : a > b ? 1 : 0);
      }),
    );
  });

  test("[S9] texts compare as the bytes of their UTF-8 do", () => {
    const text = fc.string({ unit: "grapheme" });
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(Math.sign(compareRecordIds("bytes", a, b))).toBe(Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b))));
      }),
      { numRuns: 500 },
    );
    expect(compareRecordIds("bytes", "\uffff", "\u{10000}")).toBeLessThan(0);
  });
});

describe("fingerprint", () => {
  test("[S60] sixteen digits, the same for the same text, another for another", () => {
    expect(fingerprint("")).toMatch(/^[0-9a-f]{16}$/);
    expect(fingerprint("a\tb")).toBe(fingerprint("a\tb"));
    const seen = new Set<string>();
    for (let index = 0; index < 50_000; index += 1) seen.add(fingerprint(`record ${index}\t${index % 7}`));
    expect(seen.size).toBe(50_000);
  });
});
