import { z } from "zod";
import { cellText, duration, expects, flag, list, listed, oneOf, strict, text } from "./leaf.ts";

/** Names of the sides of one sync, or null where any name will do: for the reference page, before a file is known. */
export type SideNames = readonly string[] | null;

/** A side's name. */
export function sideName(sides: SideNames) {
  if (sides === null || sides.length === 0) return z.string(expects("the name of a side", "crm"));
  return z.enum(sides, expects("a side of this sync", listed(sides), sides));
}

/** Something per side. */
export function bySide<Value extends z.ZodType>(
  sides: SideNames,
  value: Value,
  expected: string,
): z.ZodType<Readonly<Record<string, z.output<Value>>>> {
  if (sides === null) return z.record(z.string(), value, expects(expected, `crm: …`));
  const shape = Object.fromEntries(sides.map((side) => [side, value.optional()]));
  // Each key of the shape is a side and each value is of `value`'s type; zod's inference loses that for keys known only at run time.
  return strict(shape, expected) as unknown as z.ZodType<Readonly<Record<string, z.output<Value>>>>;
}

const WORDS = ["owner", "newest", "counter", "set", "max", "min", "ladder", "text", "review"] as const;
const OBJECT_KEYS = ["owner", "revert", "fill", "blanks", "verified", "newest", "counter", "ladder", "custom", "constructive", "version"];

/** Sides by rank. */
function sideRanks(sides: SideNames) {
  return list(sideName(sides), "a list of sides, the first the highest", "[erp, crm]");
}

/** The owner policy in full. */
function ownerSchema(sides: SideNames) {
  return strict(
    {
      owner: sideRanks(sides).meta({ description: "Rank of sides, the highest first; sides left out follow in declared order. [S17]" }),
      revert: flag("revert: true")
        .default(false)
        .meta({ description: "An edit by a side that is not the first-ranked one is pushed back and listed." }),
      fill: flag("fill: true").default(false).meta({ description: "Other sides are written only where they are empty." }),
      blanks: bySide(sides, oneOf(["erase", "ignore", "review"], "a rule for emptied values"), "a rule by side")
        .default({})
        .meta({ description: "What an emptied value at a side means: erase, ignore (it is refilled) or review." }),
      verified: text("the name of a field", "verified: verified_at")
        .optional()
        .meta({ description: "The date or instant field that tells when a person last verified the record: older values lose." }),
    },
    "an owner policy",
    OBJECT_KEYS,
  );
}

/** A policy as the file writes it: a word, or one key with what it needs. [S17 to S24] */
export function policySchema(sides: SideNames) {
  const newest = strict(
    {
      newest: strict(
        {
          ranks: sideRanks(sides).optional().meta({ description: "Who wins where the times do not tell; left out: declared order." }),
          clockSkew: duration("clockSkew: 2s").optional().meta({ description: "How far apart two systems' clocks may be. Default 2s." }),
        },
        "what newest needs",
      ).meta({ description: "The later write wins where that is certain; else the higher rank. [S18]" }),
    },
    "a newest policy",
    OBJECT_KEYS,
  );
  const counter = strict(
    {
      counter: strict(
        {
          floor: z
            .union([z.number(), z.string().regex(/^-?\d+(\.\d+)?$/)], expects("a number", "floor: 0"))
            .transform(String)
            .optional()
            .meta({ description: "A delta that would take the count below goes to review. [S19]" }),
          absolute: strict(
            {
              value: text("the name of a field", "value: counted").meta({ description: "The number field that holds what was counted." }),
              asOf: text("the name of a field", "asOf: counted_at").meta({
                description:
                  "The instant, timestamp or date field that tells when. Once it advances, the count is what was counted, with later changes on top.",
              }),
            },
            "a stocktake: its value and asOf",
          )
            .optional()
            .meta({ description: "A stocktake in two further fields of the record: it resets the count at all sides. [S19]" }),
        },
        "what counter needs",
      ).meta({ description: "What each side adds or takes is added up. [S19]" }),
    },
    "a counter policy",
    OBJECT_KEYS,
  );
  const ladder = strict(
    {
      ladder: list(cellText("lead"), "a list of steps", "[lead, customer]", 2).meta({
        description: "The steps from the first to the last: a value only moves forward. [S21]",
      }),
    },
    "a ladder policy",
    OBJECT_KEYS,
  );
  const custom = strict(
    {
      custom: text("a CEL expression", 'custom: "canonical"').meta({
        description: "CEL over base, canonical and observed; an error or an unknown leads to review. [S24]",
      }),
      constructive: flag("constructive: true")
        .default(false)
        .meta({ description: "Whether results outside base, canonical and observed are allowed." }),
      version: z
        .int(expects("a whole number", "version: 1"))
        .default(1)
        .meta({ description: "Raise it when the expression changes its answers." }),
    },
    "a custom policy",
    OBJECT_KEYS,
  );
  return z.union([z.enum(WORDS), ownerSchema(sides), newest, counter, ladder, custom], expects("a policy", listed(WORDS), WORDS));
}

/** A policy as parsed. */
export type PolicyEntry = z.output<ReturnType<typeof policySchema>>;
