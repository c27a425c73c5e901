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
}

/** Shares are of the side's records, from 0 to 1. */
export interface GuardLimits {
  readonly deletesMax: number | null;
  readonly deletesShareMax: number;
  readonly rewritesShareMax: Readonly<Record<string, number>>;
  /** A field emptied in more than this share of the records is a mistake somewhere. */
  readonly emptiedShareMax: number;
}

export interface GuardStop {
  readonly guard: "deletes" | "rewrites" | "emptied" | "emptied-side";
  /** In plain words, with counts. */
  readonly reason: string;
}

/** A handful of writes is never a mass: shares are not applied below this many, absolute limits are. */
const MASS_MIN = 5;

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
