import type { Contest, Resolution } from "../contest.ts";
import { mergeTexts } from "./diff3.ts";

/** Merges two edits of one text word by word against what both started from; where they overlap, a person decides. [S22] */
export function resolveText(contest: Contest): Resolution {
  const { base, canonical, observed } = contest;
  if (base === undefined || base === null || canonical === null || observed === null) {
    return { kind: "review", reason: "the text was written or emptied on both sides" };
  }
  const merged = mergeTexts(base, canonical, observed);
  return merged === null ? { kind: "review", reason: "both sides changed the same passage" } : { kind: "value", value: merged };
}
