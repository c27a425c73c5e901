import { isNameKey } from "@accord/engine/store";

/** 64-bit hashes of match keys, as SQLite's signed integers. Equal keys have equal hashes; the reverse is checked where it matters. */
export interface MatchHash {
  /** Of an entity's key by one rule. Never 0. */
  entityKey(sync: number, rule: number, key: string): bigint;
  /** The same as two halves, the low one first. */
  writeEntityKey(sync: number, rule: number, key: string, halves: Uint32Array, at: number): void;
  /** Of a waiting record's key by one rule. */
  stagedKey(side: number, rule: number, key: string): bigint;
}

/** Keys are short: a hash in plain arithmetic is done before a call into another one's memory would begin. */
export function createMatchHash(): MatchHash {
  const halves = new Uint32Array(2);
  const whole = new BigInt64Array(halves.buffer);
  const hash = (kind: number, number: number, rule: number, key: string): bigint => {
    writeHash(kind, number, rule, key, halves, 0);
    return whole[0] ?? 0n;
  };
  return {
    entityKey: (sync, rule, key) => hash(ENTITY, sync, isNameKey(key) ? NAMES : rule, key),
    writeEntityKey: (sync, rule, key, into, at) => {
      writeHash(ENTITY, sync, rule, key, into, at);
    },
    stagedKey: (side, rule, key) => hash(STAGED, side, rule, key),
  };
}

/** The rule of keys that mean the same wherever they stand. */
const NAMES = 0xffff;

const ENTITY = 1;
const STAGED = 2;

/** Two lanes of multiply and rotate over the key's UTF-16 units, each finished as MurmurHash3 finishes its lanes: all bits of the key reach all bits of both halves. */
function writeHash(kind: number, number: number, rule: number, key: string, halves: Uint32Array, at: number): void {
  let one = Math.imul(kind, 0x9e3779b1) ^ Math.imul(number, 0x85ebca77) ^ rule;
  let other = Math.imul(rule + 1, 0xc2b2ae3d) ^ Math.imul(number, 0x27d4eb2f) ^ kind;
  for (let index = 0; index < key.length; index += 1) {
    const unit = key.charCodeAt(index);
    one = Math.imul(one ^ unit, 0xcc9e2d51);
    one = (one << 15) | (one >>> 17);
    other = Math.imul(other ^ unit, 0x1b873593);
    other = (other << 13) | (other >>> 19);
  }
  const low = finish(one ^ key.length ^ Math.imul(other, 0x165667b1));
  const high = finish(other ^ Math.imul(low, 0x9e3779b1));
  halves[at] = low === 0 && high === 0 ? 1 : low;
  halves[at + 1] = high;
}

function finish(lane: number): number {
  let mixed = lane ^ (lane >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
