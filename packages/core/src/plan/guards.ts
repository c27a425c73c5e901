/** What a batch of intended writes would do to one side, and how large the side is. */
export interface GuardCounts {
  readonly side: string;
  /** Present records at the side. */
  readonly records: number;
  readonly deletes: number;
  /** Rewrites by field name: a value replaced by another, nulls included. */
  readonly rewrites: Readonly<Record<string, number>>;
  /** Values emptied, by field name. */
  readonly emptied: Readonly<Record<string, number>>;
  /** Records rewritten because somebody changed them at another side: first contact, decisions and undos do not count, for a person has seen them. */
  readonly changed: number;
}

/** Shares are of the side's records, from 0 to 1. */
export interface GuardLimits {
  readonly deletesMax: number | null;
  readonly deletesShareMax: number;
  readonly rewritesShareMax: Readonly<Record<string, number>>;
  /** A field emptied in more than this share of the records is a mistake somewhere. */
  readonly emptiedShareMax: number;
  /** More than this share of the records rewritten, in whatever fields, is no day's work. */
  readonly changedShareMax: number;
}

export interface GuardStop {
  readonly guard: "deletes" | "rewrites" | "emptied" | "emptied-side" | "all-changed" | "count" | "canary";
  /** In plain words, with counts. */
  readonly reason: string;
}

/** A handful of writes is never a mass: shares are not applied below this many, absolute limits are. */
const MASS_MIN = 5;

/** So many records are changed by hand in an afternoon: below it nothing counts as "all changed". */
const CHANGED_MIN = 50;
/** So many records come or go on an ordinary day, however few there are. */
const COUNT_MIN = 20;

/** A side with fewer records is still being filled: growth tells nothing there. */
const GROWTH_KNOWN_MIN = 100;

/**
 * Whether a complete list of a side may be believed: one that has many fewer or many more records than were known is rather a broken export, a lost filter or an
 * import that went wrong than a day's work. Null where it may. Pure. [S43]
 *
 * @param known records that the side was thought to have
 * @param shareMax of `known`, from 0 to 1; null: never mind
 */
export function checkCount(side: string, known: number, found: number, shareMax: number | null): GuardStop | null {
  const difference = Math.abs(found - known);
  if (shareMax === null || known === 0 || difference < COUNT_MIN || difference <= known * shareMax) return null;
  if (found > known && known < GROWTH_KNOWN_MIN) return null;
  const word = found < known ? "missing" : "new";
  return {
    guard: "count",
    reason: `${side} lists ${found} records where ${known} were known: ${difference} are ${word}, more than ${percent(shareMax)}`,
  };
}

/** Stops before harm: null where all is within limits. Pure. [S43] */
export function checkGuards(counts: GuardCounts, limits: GuardLimits): GuardStop | null {
  const { side, records, deletes } = counts;
  if (limits.deletesMax !== null && deletes > limits.deletesMax) {
    return { guard: "deletes", reason: `${deletes} deletes are due at ${side}, more than the ${limits.deletesMax} allowed` };
  }
  if (deletes >= MASS_MIN && deletes >= records) {
    return { guard: "emptied-side", reason: `all ${records} records of ${side} would be deleted` };
  }
  if (deletes >= MASS_MIN && deletes > records * limits.deletesShareMax) {
    return {
      guard: "deletes",
      reason: `${deletes} of ${records} records of ${side} would be deleted, more than ${percent(limits.deletesShareMax)}`,
    };
  }
  if (counts.changed >= CHANGED_MIN && counts.changed > records * limits.changedShareMax) {
    return {
      guard: "all-changed",
      reason: `${counts.changed} of ${records} records of ${side} would be rewritten, more than ${percent(limits.changedShareMax)}`,
    };
  }
  for (const [field, emptied] of Object.entries(counts.emptied)) {
    if (emptied >= MASS_MIN && emptied > records * limits.emptiedShareMax) {
      return { guard: "emptied", reason: `${field} would be emptied in ${emptied} of ${records} records of ${side}` };
    }
  }
  for (const [field, rewrites] of Object.entries(counts.rewrites)) {
    const share = limits.rewritesShareMax[field];
    if (share !== undefined && rewrites >= MASS_MIN && rewrites > records * share) {
      return {
        guard: "rewrites",
        reason: `${field} would be rewritten in ${rewrites} of ${records} records of ${side}, more than ${percent(share)}`,
      };
    }
  }
  return null;
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(3))} %`;
}
