import { z } from "zod";
import { policySchema, sideName } from "./policy-schema.ts";
import type { PolicyEntry, SideNames } from "./policy-schema.ts";
import { cellText, expects, flag, list, oneOf, say, strict, text } from "./leaf.ts";

const DECIMAL = /^-?\d+(\.\d+)?$/;

const factor = z
  .union([z.string().regex(DECIMAL), z.number()], expects("an exact decimal number", '"0.01"'))
  .transform(String)
  .refine(
    (written) => DECIMAL.test(written) && Number(written) !== 0,
    say("must be an exact decimal number other than zero", 'write "0.01"'),
  );

const columnName = text("the name of a column", "field: email");
const expression = text("a CEL expression", 'get: "trim(email)"');
const columnList = list(columnName, "a list of columns", "[firstname, lastname]", 2);
const words = ["upper", "lower"] as const;

/** How one field is found at one side, in full. */
const sideObject = strict(
  {
    field: columnName.optional().meta({ description: "The column. Inside `get`, `value` is its value." }),
    values: z
      .record(
        z.string(),
        z.union([cellText("L"), z.null(), list(cellText("L"), "a list of native values", "[A, B]")]),
        expects("canonical values, each with its native one", "{ customer: A }"),
      )
      .optional()
      .meta({
        description:
          "Canonical value: native value. A list: all are read, the first is written. A native value that is not named goes to review. [S50]",
      }),
    otherwise: cellText("otherwise: lapsed")
      .optional()
      .meta({ description: "The canonical value of native values that `values` does not name." }),
    default: cellText("default: unknown").optional().meta({ description: "Canonical value that is written where the field is empty." }),
    empty: cellText('empty: ""')
      .optional()
      .meta({ description: "The native value that stands for an empty field at this side, read and written." }),
    unit: strict({ factor: factor.meta({ description: "Canonical value = native value × factor, exactly." }) }, "a unit")
      .optional()
      .meta({ description: 'The side\'s unit: `{ factor: "0.01" }` where it counts cents.' }),
    scale: factor.optional().meta({ description: "Short for `unit: { factor: … }`." }),
    case: oneOf(words, "a case").optional().meta({ description: "The case in which this side is written." }),
    canonical: oneOf(words, "a case").optional().meta({ description: "With `case`: the case in which the value is read." }),
    separator: z
      .string(expects("a text between the parts", 'separator: ";"'))
      .min(1, say("must not be empty", 'write separator: ";"'))
      .optional()
      .meta({ description: "What stands between the elements of a set kept as text, or between joined parts." }),
    json: flag("json: true").optional().meta({ description: "A text column holds a JSON array." }),
    constant: cellText("constant: DE")
      .optional()
      .meta({ description: "What creates at this side write into `field` (left out: the column named as the field). Never read." }),
    join: columnList.optional().meta({
      description: "Columns that make one value together, with `separator` (a space) between; the first takes what is left over.",
    }),
    split: columnName
      .optional()
      .meta({ description: "Of a group: the one column that holds all parts, with `separator` (a space) between." }),
    key: list(columnName, "a list of columns", "[tenant, id]")
      .optional()
      .meta({ description: "Of a reference: the columns that name the record together." }),
    get: expression.optional().meta({ description: "CEL over the record's columns: native to canonical." }),
    put: z
      .union(
        [expression, z.record(z.string(), z.string(expects("a CEL expression", "value")))],
        expects("an expression, or one by column", '{ firstname: "firstWords(value)" }'),
      )
      .optional()
      .meta({
        description:
          "CEL over `value` and the record's columns: canonical into native. A text for `field`, or one expression by column. Left out: read only.",
      }),
  },
  "a column, or keys such as field, get and put",
);

/** How one field is found at one side: a column's name, or the long form. */
const sideEntry = z.union([columnName, sideObject], expects("a column, or a map such as { field: email }", "crm: email"));

/** A field at one side, as parsed and spelled out. */
export type SideEntry = z.output<typeof sideObject>;

/** Types of fields that take no parameter. */
const TYPE_NAMES = [
  "text",
  "integer",
  "decimal",
  "boolean",
  "date",
  "time",
  "instant",
  "timestamp",
  "zoned",
  "uuid",
  "bytes",
  "json",
  "email",
  "phone",
  "set",
  "group",
] as const;

const namedType = z.enum(TYPE_NAMES);

function typeSchema() {
  const keys = ["enum", "ref", "set"];
  return z.union(
    [
      namedType,
      strict(
        {
          enum: list(cellText("lead"), "a list of values", "[lead, customer]").meta({
            description: "The allowed values, in the order of a ladder.",
          }),
        },
        "an enumeration",
        keys,
      ),
      strict(
        {
          ref: text("the name of a sync", "ref: companies").meta({ description: "The sync whose entities the values name. [S44]" }),
          deletes: oneOf(["restrict", "detach", "cascade"], "what becomes of it when the named record is deleted")
            .default("restrict")
            .meta({
              description:
                "The named record was deleted somewhere: elsewhere it is deleted only once nothing names it any more (`restrict`); this field is emptied (`detach`); or this record is deleted too (`cascade`). [S45]",
            }),
          later: flag("later: true").optional().meta({
            description:
              "Records are made without this field where the named one is not there yet, and get it as soon as it is. It breaks circles of syncs. Left out: they wait for it. [S44]",
          }),
          tree: flag("tree: true").optional().meta({
            description:
              "Of a reference to its own sync: whether what is named stands above, so that nobody may come to stand above itself (the default), or circles are right (`false`). [S46]",
          }),
        },
        "a reference",
        keys,
      ),
      strict(
        {
          set: z
            .enum(TYPE_NAMES, expects("a type of elements", "email", TYPE_NAMES))
            .exclude(["set", "group"])
            .meta({ description: "The type of the elements." }),
        },
        "a set",
        keys,
      ),
    ],
    expects("a type", "type: text, or { enum: [a, b] }, { ref: companies }, { set: email }", TYPE_NAMES),
  );
}

/** A type as parsed. */
export type TypeEntry = z.output<ReturnType<typeof typeSchema>>;

/** A field of a sync as parsed: its own keys, and its sides apart. */
export interface FieldEntry {
  readonly type: TypeEntry;
  readonly policy?: PolicyEntry | undefined;
  readonly category?: string | undefined;
  readonly sensitive: boolean;
  readonly from?: string | readonly string[] | undefined;
  readonly drift?: "revert" | "keep" | undefined;
  /** Of a group: its parts. */
  readonly fields?: Readonly<Record<string, PartEntry>> | undefined;
  readonly sides: Readonly<Record<string, SideEntry>>;
}

/** A part of a group as parsed. */
export interface PartEntry {
  readonly type: TypeEntry;
  readonly sides: Readonly<Record<string, SideEntry>>;
}

const PART_KEYS = ["type"] as const;
export const FIELD_KEYS = ["type", "policy", "category", "sensitive", "from", "drift", "fields"] as const;

/** A field: its own keys beside one key per side. */
export function fieldSchema(sides: SideNames): z.ZodType<FieldEntry> {
  const own = {
    type: typeSchema().meta({ description: "The type of the values." }),
    policy: policySchema(sides).optional().meta({ description: "What decides a conflict of this field." }),
    category: text("the name of a category", "category: contact").optional().meta({ description: "Takes the policy of this category." }),
    sensitive: flag("sensitive: true")
      .default(false)
      .meta({ description: "Values are personal: masked wherever they would be shown by default." }),
    from: z
      .union(
        [sideName(sides), list(sideName(sides), "a list of sides", "[erp]")],
        expects("a side or a list of sides", `from: ${sides?.[0] ?? "erp"}`, sides ?? []),
      )
      .optional()
      .meta({ description: "The only sides whose edits are taken: a one-directional field. [S55]" }),
    drift: oneOf(["revert", "keep"], "a rule for edits at other sides").optional().meta({
      description:
        "What happens to an edit at a side that is not in `from`: pushed back (`revert`, the default), or left and listed (`keep`).",
    }),
    fields: z
      .record(z.string(), partSchema(sides), expects("the parts of the group", "{ street: { type: text, crm: street } }"))
      .optional()
      .meta({ description: "Of a group: its parts, each with a type and its sides. [S16]" }),
  };
  return withSides(own, FIELD_KEYS, sides, "a field: its type, and its column at each side");
}

function partSchema(sides: SideNames): z.ZodType<PartEntry> {
  return withSides(
    { type: typeSchema().meta({ description: "The type of the part." }) },
    PART_KEYS,
    sides,
    "a part of a group: its type, and its column at each side",
  );
}

function withSides<Parsed>(own: z.ZodRawShape, ownKeys: readonly string[], sides: SideNames, expected: string): z.ZodType<Parsed> {
  const shape = { ...own, ...Object.fromEntries((sides ?? []).map((side) => [side, sideEntry.optional()])) };
  const map = sides === null ? z.object(shape).catchall(sideEntry) : strict(shape, expected);
  return map.transform((parsed) => {
    const entries = Object.entries(parsed);
    // The schema has just checked every key: own ones by `own`, all others are sides.
    const found = entries.filter(([key, entry]) => !ownKeys.includes(key) && entry !== undefined) as readonly (readonly [
      string,
      string | SideEntry,
    ])[];
    const spelled = found.map(([side, entry]) => [side, typeof entry === "string" ? { field: entry } : entry] as const);
    return { ...Object.fromEntries(entries.filter(([key]) => ownKeys.includes(key))), sides: Object.fromEntries(spelled) } as Parsed;
  });
}
