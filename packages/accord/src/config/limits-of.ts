import { DEFAULT_LIMITS } from "@accord/engine";
import type { Limits } from "@accord/engine";
import type { LimitsEntry } from "./schema/limits-schema.ts";

/** The engine's limits with those that the file names in their place. */
export function limitsOf(entry: LimitsEntry): Limits {
  const { lease, retryDelayMin, retryDelayMax, mergeBatch, pushBatch, listPage, feedBatch, inboxMax, attemptsMax } = entry;
  const named = {
    leaseMs: lease,
    retryDelayMsMin: retryDelayMin,
    retryDelayMsMax: retryDelayMax,
    mergeBatch,
    pushBatch,
    listPage,
    feedBatch,
    inboxMax,
    attemptsMax,
  };
  return { ...DEFAULT_LIMITS, ...Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined)) };
}
