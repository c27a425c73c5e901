import fc from "fast-check";
import { expect, test } from "vitest";
import {
  changePosition,
  covers,
  hexToLsn,
  includesSnapshot,
  isShortXidVisible,
  lsnToHex,
  parseSnapshot,
  readPosition,
  writePosition,
} from "./positions.ts";

const at = (lsn: string, xid = 1): string => changePosition(lsnToHex(lsn), xid);

test("[S57] a write covers changes whose WAL record begins strictly below it", () => {
  const known = writePosition("1/A0");
  expect(covers(known, at("1/9F"))).toBe(true);
  expect(covers(known, at("1/A0"))).toBe(false);
  expect(covers(known, at("2/0"))).toBe(false);
  expect(covers(known, at("0/FFFFFFFF"))).toBe(true);
});

test("[S57] a change covers itself and what came before it", () => {
  expect(covers(at("1/A0"), at("1/A0"))).toBe(true);
  expect(covers(at("1/A0"), at("1/9F"))).toBe(true);
  expect(covers(at("1/A0"), at("1/A1"))).toBe(false);
});

test("[S57] a reading covers the transactions that its snapshot shows, whatever their LSNs", () => {
  const known = readPosition("10:20:10,14");
  expect([9, 11, 19].map((xid) => covers(known, at("F/F", xid)))).toEqual([true, true, true]);
  expect([10, 14, 20, 21].map((xid) => covers(known, at("0/1", xid)))).toEqual([false, false, false, false]);
});

test("what is no position covers nothing", () => {
  expect(covers("", at("1/1"))).toBe(false);
  expect(covers(writePosition("1/1"), readPosition("1:1:"))).toBe(false);
});

test("LSNs compare as hexadecimal texts and come back as they were", () => {
  const lsn = fc
    .tuple(fc.nat(0xff_ffff), fc.nat(0x7fff_ffff))
    .map(([high, low]) => ({ text: `${high.toString(16)}/${low.toString(16)}`.toUpperCase(), value: high * 2 ** 32 + low }));
  fc.assert(
    fc.property(lsn, lsn, (a, b) => {
      expect(lsnToHex(a.text) < lsnToHex(b.text)).toBe(a.value < b.value);
      expect(lsnToHex(hexToLsn(lsnToHex(a.text)))).toBe(lsnToHex(a.text));
    }),
  );
});

const snapshots = fc
  .tuple(fc.bigInt(0n, 2n ** 40n), fc.uniqueArray(fc.integer({ min: 0, max: 60 }), { maxLength: 12 }), fc.integer({ min: 0, max: 20 }))
  .map(([xmin, running, more]) => {
    const xmax = xmin + 61n + BigInt(more);
    const ids = running.map((offset) => xmin + BigInt(offset)).toSorted((a, b) => (a < b ? -1 : 1));
    return { xmin, xmax, ids, text: `${ids[0] ?? xmax}:${xmax}:${ids.join(",")}` };
  });

test("[S57] the lower 32 bits of a transaction id are enough, also around a wrap of the counter", () => {
  fc.assert(
    fc.property(snapshots, fc.bigInt(-(2n ** 31n) + 100n, 2n ** 31n - 100n), ({ xmax, ids, text }, distance) => {
      const xid = xmax + distance;
      if (xid < 0n) return;
      const visible = xid < xmax && !ids.includes(xid);
      expect(isShortXidVisible(parseSnapshot(text), Number(xid % 2n ** 32n))).toBe(visible);
    }),
    { numRuns: 500 },
  );
});

test("[S57] the wrap itself: a snapshot just after it shows transactions just before it", () => {
  const snapshot = parseSnapshot(`${2n ** 32n - 5n}:${2n ** 32n + 5n}:${2n ** 32n - 5n},${2n ** 32n + 1n}`);
  const visible = (short: number): boolean => isShortXidVisible(snapshot, short);
  expect([0xffff_fffa, 0xffff_fffc, 0, 2].map(visible)).toEqual([true, true, true, true]);
  expect([0xffff_fffb, 1, 5, 6].map(visible)).toEqual([false, false, false, false]);
});

test("[S9] a snapshot includes another exactly when it shows every transaction that the other shows", () => {
  const small = fc.tuple(fc.integer({ min: 0, max: 8 }), fc.uniqueArray(fc.integer({ min: 0, max: 8 }))).map(([xmax, running]) => {
    const ids = running.filter((xid) => xid < xmax);
    return { text: `0:${xmax}:${ids.join(",")}`, shows: (xid: number) => xid < xmax && !ids.includes(xid) };
  });
  fc.assert(
    fc.property(small, small, (later, earlier) => {
      const expected = [0, 1, 2, 3, 4, 5, 6, 7, 8].every((xid) => !earlier.shows(xid) || later.shows(xid));
      expect(includesSnapshot(parseSnapshot(later.text), parseSnapshot(earlier.text))).toBe(expected);
    }),
    { numRuns: 1000 },
  );
});
