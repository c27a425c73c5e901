import { writeImage, type NativeImage } from "@accord/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { StoredMember } from "@accord/engine/store";
import type { Side } from "./catalogue.ts";
import { readMemberBodies, withMemberBody, writeMemberBodies } from "./entity-members.ts";

const sides = [0, 1, 2].map((place): Side => ({ number: place + 1, sync: 1, place, toCell: (record) => record }));

function member(image: NativeImage | null): StoredMember {
  return { state: "live", record: "1", incarnation: 1, image, ack: [], position: null, seenAtMs: 1, intent: null, retired: [] };
}

const cell = fc.oneof(
  fc.constantFrom(null, undefined, "", "a", "Ada Lovelace", "London", "𝒳", "𝒴", "𝒳𝒴"),
  fc.string({ unit: "binary", maxLength: 12 }),
);
const cells = fc.array(cell, { minLength: 1, maxLength: 6 });

test("[S3] an image comes back as it was, however much of it equals the canonical values", () => {
  fc.assert(
    fc.property(cells, cells, fc.nat(5), cell, (canonical, other, place, edit) => {
      const fields = writeImage(canonical);
      const edited = writeImage(canonical.map((one, index) => (index === place ? edit : one)));
      for (const images of [
        [edited, fields, edited],
        [writeImage(other), edited, null],
        [fields, null, writeImage([...other, ...canonical])],
      ]) {
        const text = writeMemberBodies(images.map(member), sides, fields);
        // What SQLite keeps is UTF-8.
        const kept = Buffer.from(text, "utf8").toString("utf8");
        expect(readMemberBodies(kept, fields).map((body) => body?.image)).toEqual(images);
      }
    }),
    { numRuns: 2_000 },
  );
});

test("an image that differs from the canonical values in one cell is held by that cell alone", () => {
  const fields = writeImage(["Ada Lovelace", "London", "x".repeat(400), "12.50"]);
  const image = writeImage(["Ada Lovelace", "Paris", "x".repeat(400), "12.50"]);
  expect(writeMemberBodies([member(image), null, null], sides, fields).length).toBeLessThan(40);
});

test("[S29] one member is written among the others as if all were written anew", () => {
  const fields = "a\tb\tc";
  const image = fc.constantFrom(fields, "a\tb\td", "x", "y");
  const held = fc.oneof(image, fc.constantFrom(null, undefined));
  fc.assert(
    fc.property(fc.array(held, { minLength: 3, maxLength: 3 }), fc.nat(2), image, (images, place, next) => {
      const write = (all: typeof images): string =>
        writeMemberBodies(
          all.map((one) => (one === undefined ? null : member(one))),
          sides,
          fields,
        );
      const text = withMemberBody(write(images), sides, fields, place, { ...member(next), image: next });
      expect(text).toBe(write(images.map((one, index) => (index === place ? next : one))));
    }),
    { numRuns: 2_000 },
  );
});
