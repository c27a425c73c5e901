import { z } from "zod";
import { cellText, expects, list, share, strict } from "./leaf.ts";
import { bySide } from "./policy-schema.ts";
import type { SideNames } from "./policy-schema.ts";

/** A share of records that no ordinary day deletes, and that a botched import or an emptied list does. */
const DELETES_DEFAULT = "1%";
/** "All" records, as a script, a migration or a broken mapping changes them. A lower share protects more, and asks after busy hours. */
const CHANGES_DEFAULT = "90%";
/** A list that lost or won so many records since the last one is rather wrong than news. */
const COUNT_DEFAULT = "50%";

const deletesGuard = z
  .union(
    [
      z
        .int()
        .min(0)
        .transform((count) => ({ kind: "count" as const, count })),
      share("deletes: 1%").transform((part) => ({ kind: "share" as const, share: part })),
    ],
    expects("a percentage or a number of records", "deletes: 1%"),
  )
  .prefault(DELETES_DEFAULT)
  .meta({ description: "Deletes per run and hour that need no approval: a share of the records, or a number. Default 1%. [S43]" });

/** A record as its side names it: the text of its key, or the parts of a composite one. */
const recordName = z.union(
  [cellText("17"), list(cellText("17"), "the parts of a key", "[eu, 17]", 2)],
  expects("the key of a record", "17, or [eu, 17] for a composite key"),
);

/** The guards of a sync whose sides have these names. [S43] */
export function guardsSchema(sides: SideNames) {
  return strict(
    {
      deletes: deletesGuard,
      rewrites: z
        .record(z.string(), share("5%"), expects("percentages by field", "{ email: 5% }"))
        .default({})
        .meta({ description: "By field: the share of records in which it may be rewritten without approval." }),
      changes: share("changes: 90%").prefault(CHANGES_DEFAULT).meta({
        description:
          "The share of a side's records that may be rewritten per run and hour, in whatever fields but counts, without approval; from 50 records on. Default 90%.",
      }),
      count: z
        .union([z.literal("off"), share("count: 50%")], expects("a percentage, or off", "count: 50%"))
        .prefault(COUNT_DEFAULT)
        .meta({
          description:
            "How far the number of records in a full listing may be from the last one's before it is believed without approval: 20 records fewer at least, or 20 more where a hundred were known. `off`: it is not looked at. Default 50%.",
        }),
      canaries: bySide(sides, list(recordName, "a list of records", "[17]"), "records by side")
        .default({})
        .meta({
          description:
            "By side: records that never change. One that does, or vanishes, pauses the sync before anything that came with it is written.",
        }),
    },
    "guards",
  );
}

export type GuardsEntry = z.output<ReturnType<typeof guardsSchema>>;
