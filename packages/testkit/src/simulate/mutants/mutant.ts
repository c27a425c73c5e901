/** A rule of the law, broken in the source of the real engine as it is loaded: the checkers must see it. The shipped build has no switch for it. */
export interface Mutant {
  readonly rule: string;
  /** What is broken, in plain words. */
  readonly what: string;
  /** Below `packages/`. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  /** The checker must go red within this many seeds, from `first` on. */
  readonly seeds: number;
  /** Where what is broken matters rarely: a seed shortly before one in which it does. Default 1. */
  readonly first?: number;
}
