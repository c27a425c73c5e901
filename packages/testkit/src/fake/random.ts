import type { Random } from "@accord/engine/connector";

/** Chance that a seed replays: the same seed gives the same sequence of answers, on every machine. */
export interface SeededRandom extends Random {
  readonly seed: number;
  /** A whole number from 0 to `below` − 1. */
  integer(below: number): number;
  /** True with the given probability, from 0 to 1. */
  chance(probability: number): boolean;
  /** One of the items; the list must not be empty. */
  pick<Item>(items: readonly Item[]): Item;
  /** The items in another order. */
  shuffle<Item>(items: readonly Item[]): Item[];
  /** An independent sequence for one purpose, so that one more draw there does not change what happens here. */
  fork(purpose: string): SeededRandom;
}

/** Chance from a seed (mulberry32: 32 bits of state, good enough to scatter tests, useless for secrets). */
export function seededRandom(seed: number): SeededRandom {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const integer = (below: number): number => Math.floor((next() / 0x1_0000_0000) * below);
  return {
    seed,
    integer,
    chance: (probability) => next() / 0x1_0000_0000 < probability,
    pick(items) {
      const item = items[integer(items.length)];
      if (item === undefined) throw new RangeError("Nothing to pick from.");
      return item;
    },
    shuffle(items) {
      return items
        .map((item) => ({ item, place: next() }))
        .toSorted((a, b) => a.place - b.place)
        .map(({ item }) => item);
    },
    hex(byteCount) {
      let text = "";
      while (text.length < byteCount * 2) text += next().toString(16).padStart(8, "0");
      return text.slice(0, byteCount * 2);
    },
    fork: (purpose) => seededRandom(hashText(`${seed}/${purpose}`)),
  };
}

/** FNV-1a over UTF-16 units, 32 bits. */
function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}
