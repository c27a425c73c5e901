/** Chance from a seed: the same seed makes the same world. */
export interface Dice {
  /** A whole number from 0 to `below` − 1. */
  roll(below: number): number;
  /** True in so many of a hundred cases. */
  chance(percent: number): boolean;
  pick<Item>(items: readonly [Item, ...Item[]]): Item;
}

/** Mulberry32 (public domain, Tommy Ettinger): small, and good enough for names and telephone numbers. */
export function createDice(seed: number): Dice {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const roll = (below: number): number => Math.floor(next() * below);
  return { roll, chance: (percent) => roll(100) < percent, pick: (items) => items[roll(items.length)] ?? items[0] };
}
