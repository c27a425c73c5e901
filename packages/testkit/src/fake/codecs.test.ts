import fc from "fast-check";
import { expect, test } from "vitest";
import { fakeCodec } from "./codecs.ts";
import type { FakeType } from "./codecs.ts";
import { compareBytes } from "./shape.ts";

test.each<[FakeType, object, string, string | null]>([
  ["integer", {}, "+007", "7"],
  ["integer", {}, "9223372036854775808", null],
  ["decimal", {}, "-1.50", "-1.5"],
  ["decimal", { scale: 2 }, "1.005", "1.01"],
  ["decimal", { scale: 2 }, "-0.004", "0.00"],
  ["decimal", { scale: 0 }, "0.5", "1"],
  ["boolean", {}, "true", "t"],
  ["date", {}, "2026-13-01", null],
  ["instant", {}, "2026-01-01 00:00:00.500+00", "2026-01-01T00:00:00.5Z"],
  ["text", { lengthMax: 2 }, "😀😀", "😀😀"],
  ["text", { lengthMax: 2 }, "abc", null],
  ["text", { lengthMax: 2, lossy: "cut" }, "abc", "ab"],
  ["text", { lossy: "upper" }, "ab", "AB"],
])("%s %o holds %s as %s", (type, facts, text, cell) => {
  const result = fakeCodec(type, facts).encode(text);
  expect(result.kind === "value" ? result.text : null).toBe(cell);
});

test("[S15] what a column made of a text it makes of it again", () => {
  const types = fc.constantFrom<FakeType>("text", "integer", "decimal", "boolean", "date", "instant");
  const texts = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.double().map(String),
    fc.bigInt().map(String),
    fc.constantFrom("true", "t", "2026-01-01", "1.25"),
  );
  fc.assert(
    fc.property(types, texts, fc.option(fc.nat(4), { nil: undefined }), (type, text, size) => {
      const codec = fakeCodec(type, size === undefined ? {} : { scale: size, lengthMax: size, lossy: "cut" });
      const first = codec.encode(text);
      if (first.kind === "invalid") return;
      const decoded = codec.decode(first.text);
      expect(decoded.kind).toBe("value");
      if (decoded.kind === "value") expect(codec.encode(decoded.text)).toEqual(first);
    }),
  );
});

test("texts compare as the bytes of their UTF-8", () => {
  const text = fc.string({
    unit: fc.oneof(fc.constantFrom("a", "b", "é", "\uFFFD", "\uE000", "😀", "\u{10FFFF}"), fc.string({ unit: "grapheme", maxLength: 1 })),
  });
  fc.assert(fc.property(text, text, (a, b) => Math.sign(compareBytes(a, b)) === Buffer.compare(Buffer.from(a), Buffer.from(b))));
});
