import { z } from "zod";
import { DEFAULT_LIMITS } from "@accord/engine";
import { duration, expects, say, strict } from "./leaf.ts";

/** A time span between two bounds, both allowed. */
function span(key: string, least: string, most: string, standardMs: number, meaning: string) {
  const standard = `${standardMs / (standardMs < 1_000 ? 1 : 1_000)}${standardMs < 1_000 ? "ms" : "s"}`;
  return duration(`${key}: ${standard}`)
    .refine(
      (given) => given >= spanMs(least) && given <= spanMs(most),
      say(`must be from ${least} to ${most}`, `write ${key}: ${standard}`),
    )
    .optional()
    .meta({ description: `${meaning} From ${least} to ${most}; default ${standard}.` });
}

function spanMs(text: string): number {
  return duration(text).parse(text);
}

/** A whole number between two bounds, both allowed. */
function figure(key: string, least: number, most: number, standard: number, meaning: string) {
  const wrong = say(`must be a whole number from ${least} to ${most}`, `write ${key}: ${standard}`);
  return z
    .int(expects(`a whole number from ${least} to ${most}`, `${key}: ${standard}`))
    .min(least, wrong)
    .max(most, wrong)
    .optional()
    .meta({ description: `${meaning} From ${least} to ${most}; default ${standard}.` });
}

const standard = DEFAULT_LIMITS;

/**
 * Bounds of the engine's work that an operator may move: memory against speed, and patience against pressure. The lease has a floor because a busy machine would
 * lose a shorter one, and because writes have to end before it does.
 */
export const limitsSchema = strict(
  {
    lease: span(
      "lease",
      "1s",
      "10m",
      standard.leaseMs,
      "How long the right to act on the store outlasts a process that stands still or is cut off; a write is given up before that, so that a longer lease allows longer writes. [S32, S54]",
    ),
    mergeBatch: figure("mergeBatch", 1, 20_000, standard.mergeBatch, "Records merged in one commit: about 2 kB of memory each."),
    pushBatch: figure(
      "pushBatch",
      1,
      20_000,
      standard.pushBatch,
      "Writes prepared together for one side; a connection's own bound applies below it.",
    ),
    listPage: figure(
      "listPage",
      1,
      100_000,
      standard.listPage,
      "Records per page of a listing; a connection's own bound applies below it.",
    ),
    feedBatch: figure("feedBatch", 1, 100_000, standard.feedBatch, "Changes taken from a feed at once."),
    inboxMax: figure(
      "inboxMax",
      1_000,
      10_000_000,
      standard.inboxMax,
      "Changes that may wait to be merged, on disk, before feeds are left alone.",
    ),
    retryDelayMin: span(
      "retryDelayMin",
      "10ms",
      "1m",
      standard.retryDelayMsMin,
      "The first wait after a failure that passes by itself; each next one is twice as long.",
    ),
    retryDelayMax: span("retryDelayMax", "1s", "1h", standard.retryDelayMsMax, "The longest such wait."),
    attemptsMax: figure(
      "attemptsMax",
      1,
      1_000,
      standard.attemptsMax,
      "Tries of a write whose record keeps changing, or of a delete that is refused, before it is set aside for a person.",
    ),
  },
  "the engine's limits",
);

export type LimitsEntry = z.output<typeof limitsSchema>;
