import { expect, test } from "vitest";
import { createMatchHash } from "./match-hash.ts";

const hash = createMatchHash();

test("[S36] a key has one hash, another by another rule, of another sync, and as a waiting record's", () => {
  const halves = new Uint32Array(2);
  hash.writeEntityKey(1, 0, "ann@x.org", halves, 0);
  expect(new BigInt64Array(halves.buffer)[0]).toBe(hash.entityKey(1, 0, "ann@x.org"));
  const all = [hash.entityKey(1, 0, "k"), hash.entityKey(1, 1, "k"), hash.entityKey(2, 0, "k"), hash.stagedKey(1, 0, "k")];
  expect(new Set(all).size).toBe(4);
});

test("[S36] keys that are hardly different have hashes that share nothing: 300 000 of them differ in either half about as often as chance has it", () => {
  const wholes = new Set<bigint>();
  const lows = new Set<bigint>();
  const highs = new Set<bigint>();
  const count = 300_000;
  for (let index = 0; index < count; index += 1) {
    const value = BigInt.asUintN(64, hash.entityKey(1, 0, `person${index}@mail${index % 977}.example.org`));
    wholes.add(value);
    lows.add(value & 0xffff_ffffn);
    highs.add(value >> 32n);
  }
  expect(wholes.size).toBe(count);
  // Of n random numbers below 2^32 some n² / 2^33 are there already: here 10.
  for (const half of [lows, highs]) expect(count - half.size).toBeLessThan(40);
});

test("[S36] no bit of a hash leans to one side", () => {
  const ones = Array.from({ length: 64 }, () => 0);
  const count = 20_000;
  for (let index = 0; index < count; index += 1) {
    const value = BigInt.asUintN(64, hash.entityKey(1, 0, String(index)));
    for (let bit = 0; bit < 64; bit += 1) if ((value >> BigInt(bit)) & 1n) ones[bit] = (ones[bit] ?? 0) + 1;
  }
  for (const number of ones) expect(Math.abs(number / count - 0.5)).toBeLessThan(0.02);
});
