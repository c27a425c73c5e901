import type { Provenance } from "@accord/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { readHeader, withAcks, writeHeader } from "./entity-header.ts";

const SIDES = 3;
const provenances: readonly Provenance[] = [
  { side: 0, cause: "user", fromMs: 5, toMs: 7 },
  { side: null, cause: "decision", fromMs: 5, toMs: 7 },
  { side: 12, cause: "initial", fromMs: 1_790_000_000_000, toMs: 1_790_000_000_001 },
];
const field = fc.record({
  version: fc.nat(2),
  // Equal ones may be one object or several.
  provenance: fc.constantFrom(...provenances, ...provenances.map((one) => ({ ...one }))),
});
const fields = fc.array(field, { minLength: 1, maxLength: 14 });
const acks = fc.array(fc.nat(2), { minLength: 14, maxLength: 14 });
const members = fc.array(fc.oneof(acks, fc.constantFrom(null, "level" as const)), { minLength: SIDES, maxLength: SIDES });

test("[S3] versions, provenances and acknowledgements come back as they were", () => {
  fc.assert(
    fc.property(fields, members, fc.nat(9), fc.nat(9), (own, ackOf, version, layout) => {
      const versions = own.map((one) => one.version);
      const expected = ackOf.map((ack) => (ack === "level" ? versions : (ack?.slice(0, own.length) ?? null)));
      const text = writeHeader({ version, fields: own, members: expected.map((ack) => (ack === null ? null : { ack })) }, layout);
      const header = readHeader(text);
      expect(header).toEqual({
        layout,
        version,
        fieldVersions: versions,
        provenances: own.map(({ provenance }) => provenance),
        acks: expected,
      });
    }),
    { numRuns: 2_000 },
  );
});

test("[S29] a side's acknowledgements are changed as if the header were written anew", () => {
  fc.assert(
    fc.property(fields, members, acks, fc.nat(SIDES - 1), fc.boolean(), (own, ackOf, next, side, isLevel) => {
      const versions = own.map((one) => one.version);
      const listed = ackOf.map((ack) => (ack === "level" ? versions : (ack?.slice(0, own.length) ?? null)));
      const ack = isLevel ? versions : next.slice(0, own.length);
      const write = (all: typeof listed): string =>
        writeHeader({ version: 3, fields: own, members: all.map((one) => (one === null ? null : { ack: one })) }, 1);
      expect(withAcks(write(listed), side, ack)).toBe(write(listed.map((one, place) => (place === side ? ack : one))));
    }),
    { numRuns: 2_000 },
  );
});
