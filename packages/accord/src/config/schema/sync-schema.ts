import { z } from "zod";
import { fieldSchema } from "./field-schema.ts";
import type { FieldEntry } from "./field-schema.ts";
import { guardsSchema } from "./guards-schema.ts";
import type { GuardsEntry } from "./guards-schema.ts";
import { bySide, policySchema, sideName } from "./policy-schema.ts";
import type { SideNames } from "./policy-schema.ts";
import { cellText, duration, expects, flag, list, oneOf, say, strict, text } from "./leaf.ts";

/** One side of a sync. */
const sideSchema = strict(
  {
    connection: text("the name of a connection", "connection: crm")
      .optional()
      .meta({ description: "The connection; left out: the one named as the side." }),
    object: text("an object of the connection", "object: public.customer").meta({
      description: "The kind of record: `contacts`, `public.customer`.",
    }),
    filter: text("a CEL expression", "filter: \"status == 'A'\"").optional().meta({
      description: "CEL over native columns: only records for which it holds take part; leaving the filter is not a delete. [S42]",
    }),
    only: text("a CEL expression", "only: \"visibility == 'public'\"").optional().meta({
      description:
        "CEL over the sync's fields, where it appends: only items for which it holds are added here; unknown counts as no. [S61]",
    }),
    archive: strict(
      {
        column: text("the name of a column", "column: status").meta({ description: "The column that tells." }),
        value: cellText("value: X").meta({ description: "What reads as archived." }),
        restored: cellText("restored: A").optional().meta({ description: "What un-archiving writes; left out: null." }),
      },
      "an archive mark",
    )
      .optional()
      .meta({ description: "What reads as archived: deletes become archives here. [S38]" }),
    merged: strict(
      {
        column: text("the name of a column", "column: merged_into").meta({
          description: "The column that names the record that this one was merged into.",
        }),
        write: flag("write: true").default(false).meta({
          description:
            "Whether writing that column is all it takes to merge two records here: then Accord does so for merges at other sides.",
        }),
      },
      "how merged records are told",
    )
      .optional()
      .meta({
        description:
          "How a record tells that people made it one with another: it then counts as a part of that one, never as deleted. [S41]",
      }),
    constants: z
      .record(z.string(), cellText("DE"), expects("values by column", "{ country: DE }"))
      .optional()
      .meta({ description: "What creates write into columns that no field writes." }),
  },
  "a side: its object",
);

const SYNC_KEYS = [
  "sides",
  "match",
  "initial",
  "policy",
  "clockSkew",
  "categories",
  "fields",
  "ignore",
  "deletes",
  "merges",
  "direction",
  "guards",
  "live",
  "quiet",
  "sweep",
  "tombstones",
];

const deletesSchema = strict(
  {
    do: oneOf(["archive", "delete", "keep"], "something to do about deletes").optional().meta({
      description:
        "`archive` (the default) where a side declares one, else delete; `delete`; or `keep`: the others keep their records and the link ends, the default of a sync that appends. [S38, S61]",
    }),
    conflict: oneOf(["update-wins", "delete-wins", "review"], "a rule for a delete against an edit")
      .optional()
      .meta({ description: "A record was deleted at one side and edited at another. Left out: `update-wins`." }),
  },
  "what deletes do",
);

/** `one-way` in full. */
function oneWaySchema(sides: SideNames) {
  return strict(
    {
      from: sideName(sides).meta({ description: "The source: the only side where records come and go, and change." }),
      drift: oneOf(["revert", "keep"], "a rule for what happens at other sides").default("revert").meta({
        description:
          "Edits and deletes at other sides: pushed back (`revert`), or left and listed (`keep`). A field's own `drift` goes before it.",
      }),
    },
    "a direction: its source",
  );
}

/** `append` from one side alone. */
function appendSchema(sides: SideNames) {
  return strict(
    { append: sideName(sides).meta({ description: "The only side whose items are added elsewhere." }) },
    "a direction: the side that appends",
  );
}

function directionSchema(sides: SideNames) {
  return z
    .union(
      [oneOf(["two-way", "one-way", "append"], "a direction"), oneWaySchema(sides), appendSchema(sides)],
      expects("a direction: two-way, one-way, append, or its source", `direction: { from: ${sides?.[0] ?? "crm"} }`),
    )
    .default("two-way")
    .meta({
      description:
        "`two-way`; `one-way` from the first side to all others: records of other sides are linked and never copied back, edits and deletes there are pushed back [S55]; or `append`: what comes to be at a side is added at all others once and never rewritten, as comments are [S61].",
    });
}

/** One sync as parsed. */
export interface SyncEntry {
  readonly sides: Readonly<Record<string, z.output<typeof sideSchema>>>;
  readonly match: readonly (readonly string[])[];
  readonly initial: "owner" | "non-null" | "newest" | "review";
  readonly policy: z.output<ReturnType<typeof policySchema>>;
  readonly clockSkew: number;
  readonly categories: Readonly<Record<string, { readonly policy: z.output<ReturnType<typeof policySchema>> }>>;
  readonly fields: Readonly<Record<string, FieldEntry>>;
  readonly ignore: Readonly<Record<string, readonly string[]>>;
  readonly deletes: z.output<typeof deletesSchema>;
  readonly merges: "keep-both-flag" | "archive-loser";
  readonly direction:
    "two-way" | "one-way" | "append" | z.output<ReturnType<typeof oneWaySchema>> | z.output<ReturnType<typeof appendSchema>>;
  readonly guards: GuardsEntry;
  readonly live: boolean;
  readonly quiet: number;
  readonly sweep: number;
  readonly tombstones: number;
}

/** How a sync is paced, and how long it remembers. */
const PACE = {
  live: flag("live: true").default(true).meta({ description: "Whether changes are followed as they happen." }),
  quiet: duration("quiet: 2s")
    .prefault("0s")
    .meta({ description: "A write waits until its record was left alone this long. Default 0s. [S56]" }),
  sweep: duration("sweep: 24h").prefault("24h").meta({ description: "Time between full listings. Default 24h. [S8]" }),
  tombstones: duration("tombstones: 90d").prefault("90d").meta({
    description:
      "How long a record that was deleted everywhere is remembered at least, so that an undo can bring it back: longer than any system stays away. Its history stays. Default 90d. [S39]",
  }),
};

/** A sync whose sides have these names. */
export function syncSchema(sides: SideNames): z.ZodType<SyncEntry> {
  return strict(
    {
      sides: z
        .record(
          z.string(),
          sideSchema,
          expects("the sides by name, in the order of precedence", "{ crm: { object: contacts }, erp: { object: public.customer } }"),
        )
        .meta({
          description: "The systems, in the order that decides where nothing else does.",
        }),
      match: z
        .array(
          list(text("a field", "email"), "a list of fields", "[email]"),
          expects("a list of match keys, each a list of fields", "[[email]]"),
        )
        .default([])
        .meta({ description: "Match keys for first contact, tried in order; each is a composite of canonical fields. [S36]" }),
      initial: oneOf(["owner", "non-null", "newest", "review"], "an initial policy")
        .default("owner")
        .meta({ description: "How two records that meet for the first time become one; null never beats a value. [S36]" }),
      policy: policySchema(sides)
        .default("newest")
        .meta({ description: "The default for conflicts; sets unite and counters count by their own rules." }),
      clockSkew: duration("clockSkew: 2s")
        .prefault("2s")
        .meta({ description: "How far apart two systems' clocks may be. Default 2s. [S18]" }),
      categories: z
        .record(
          z.string(),
          strict({ policy: policySchema(sides).meta({ description: "The policy of its fields." }) }, "a category: its policy"),
          expects("categories by name", "{ contact: { policy: review } }"),
        )
        .default({})
        .meta({
          description: "Policies that several fields share.",
        }),
      fields: z
        .record(
          z.string().regex(/^[A-Za-z_]\w*$/, say("is no name of a field", "use letters, digits and underscores")),
          fieldSchema(sides),
          expects("the fields by name", "{ email: { type: email, crm: email } }"),
        )
        .meta({
          description: "The canonical fields.",
        }),
      ignore: bySide(
        sides,
        z.array(text("a column or a pattern with *", "hs_*"), expects("a list of columns", "[created_at]")),
        "columns by side",
      )
        .default({})
        .meta({ description: "Columns that are left alone on purpose, by side; `*` stands for anything." }),
      deletes: deletesSchema.prefault({}).meta({ description: "What a delete at one side means for the others. [S38]" }),
      merges: oneOf(["keep-both-flag", "archive-loser"], "a rule for merges at another side").default("keep-both-flag").meta({
        description:
          "Two records were merged at one side, and Accord cannot merge their counterparts elsewhere: `keep-both-flag` leaves both and lists the loser's in `accord errors`, `archive-loser` asks whether it is to be archived. [S41]",
      }),
      direction: directionSchema(sides),
      guards: guardsSchema(sides).prefault({}).meta({ description: "Stops before harm. [S43]" }),
      ...PACE,
    },
    "a sync: its sides and fields",
    SYNC_KEYS,
  );
}
