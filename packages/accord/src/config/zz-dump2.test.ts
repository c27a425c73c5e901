import { fakeCodec } from "@accord/testkit";
import type { FakeType } from "@accord/testkit";
import { builtinTypes, getRecord, imageOf, NO_REFERENCES } from "@accord/core";
import type { ColumnCodec, ColumnSchema, NativeCell, ObjectSchema, SyncModel } from "@accord/core";
import { describe, expect, test } from "vitest";
import { compileSync } from "./compile-sync.ts";
import type { CompileSyncResult } from "./compile-sync.ts";
import { PROJECT_EXAMPLE } from "./example.ts";
import { readProject } from "./load-project.ts";
import { formatNote, formatProblem } from "./problem.ts";
import type { Project } from "./project.ts";

/** Columns in short: `text`, `text!` (required), `text!=` (required with a default), `text-` (read-only), `decimal(2)`, `enum(a|b)`, `none` (cannot be carried). */
function objectOf(name: string, columns: Readonly<Record<string, string>>, key: readonly string[] = ["id"]): ObjectSchema {
  return {
    ...{
      name,
      key,
      keyProblem: key.length === 0 ? "the table has no primary key" : null,
      keyOrder: "bytes",
      uniques: [],
      references: [],
      comment: null,
    },
    columns: Object.entries(columns).map(([column, sketch]) => columnOf(column, sketch)),
  };
}

function columnOf(name: string, sketch: string): ColumnSchema {
  const [, type = "", , parameter = "", marks = ""] = /^(\w+)(\((.*)\))?([!=-]*)$/.exec(sketch) ?? [];
  const codec = type === "none" ? null : codecOf(type, parameter);
  return {
    ...{
      name,
      nativeType: sketch.replaceAll(/[!=-]/g, ""),
      codec,
      codecProblem: codec === null ? "its values have no text" : null,
      comment: null,
    },
    ...{ nullable: !marks.includes("!"), writable: !marks.includes("-"), hasDefault: marks.includes("=") },
  };
}

function codecOf(type: string, parameter: string): ColumnCodec {
  const options = parameter.split("|");
  if (type === "set" || type === "json" || type === "enum") {
    const parse = type === "json" ? (text: string) => builtinTypes.get("json")?.parse(text) ?? { kind: "invalid" as const, problem: "" } : undefined;
    const decode: ColumnCodec["decode"] = (cell) => ({ kind: "value", text: cell });
    const encode: ColumnCodec["encode"] = (text) => (type === "enum" && !options.includes(text) ? { kind: "invalid", problem: "not one of the column's options" } : { kind: "value", text });
    return { typeName: type, options: type === "enum" ? options : null, decode: parse ?? decode, encode };
  }
  if (type === "decimal" && parameter !== "") return fakeCodec("decimal", { scale: Number(parameter) });
  if (type === "upper") return fakeCodec("text", { lossy: "upper" });
  if (type === "cut") return fakeCodec("text", { lossy: "cut", lengthMax: Number(parameter) });
  return fakeCodec(type as FakeType, parameter === "" ? {} : { lengthMax: Number(parameter) }); // The sketches name nothing but its types.
}

const CONTACTS = objectOf("contacts", {
  ...{
    id: "text!=",
    email: "text",
    firstname: "text",
    lastname: "text",
    phone: "text",
    lifecyclestage: "text",
    street: "text",
    city: "text",
    zip: "text",
  },
  ...{
    credit__c: "decimal",
    points: "integer",
    tags: "text",
    associatedcompanyid: "text",
    hs_score: "integer",
    hs_seen: "text",
    notes: "text",
  },
});
const CUSTOMER = objectOf("public.customer", {
  ...{
    id: "text!=",
    email_address: "text",
    full_name: "text(80)",
    phone: "text",
    status: "enum(L|A|Z|X)",
    street: "text",
    town: "text",
    postcode: "text",
  },
  ...{
    credit_limit: "decimal(2)",
    loyalty_points: "integer",
    labels: "set",
    company_id: "text",
    created_at: "instant!=",
    updated_at: "instant!=",
  },
});
const COMPANIES = objectOf("companies", { id: "text!=", name: "text", city: "text" });

function schemas(_: string, object: string): ObjectSchema | undefined {
  return [CONTACTS, CUSTOMER, COMPANIES, { ...COMPANIES, name: "public.company" }].find(({ name }) => name === object);
}

function projectOf(text: string): Project {
  const loaded = readProject("accord.yaml", text, { CRM_FILE: "crm.db", ERP_URL: "postgres://erp" });
  if (loaded.kind === "problems") throw new Error(loaded.problems.map(formatProblem).join("\n"));
  return loaded.project;
}

/** A project with the sides a and b, and these fields. */
function small(fields: string, more = ""): Project {
  return projectOf(`version: 1
connections: { a: { connector: sqlite }, b: { connector: postgres } }
syncs:
  things:
    sides: { a: { object: a }, b: { object: b } }
    fields:
${fields.replaceAll(/^/gm, "      ")}
${more}`);
}

function compileSmall(fields: string, a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>, more = ""): CompileSyncResult {
  const objects = [objectOf("a", { id: "text!=", ...a }), objectOf("b", { id: "text!=", ...b })];
  return compileSync(small(fields, more), "things", (_, object) => objects.find(({ name }) => name === object));
}

function modelOf(result: CompileSyncResult): SyncModel {
  if (result.kind === "problems") throw new Error(result.problems.map(formatProblem).join("\n"));
  return result.model;
}

function problemsOf(result: CompileSyncResult): readonly string[] {
  return result.kind === "problems" ? result.problems.map(formatProblem) : [];
}

/** What a side reads of cells, given by column. */
function read(model: SyncModel, side: number, cells: Readonly<Record<string, NativeCell>>): Readonly<Record<string, unknown>> {
  const mapping = model.sides[side]?.mapping;
  if (mapping === undefined) return {};
  const got = getRecord(
    mapping,
    mapping.columns.map((column) => cells[column]),
    NO_REFERENCES,
  );
  const problems = new Map(got.problems);
  return Object.fromEntries(model.fields.map((field, index) => [field.name, problems.get(index) ?? got.values[index]]));
}

/** What a side writes of one value, by column. */
function write(model: SyncModel, side: number, name: string, value: string | null, cells: Readonly<Record<string, NativeCell>> | null = null): unknown {
  const mapping = model.sides[side]?.mapping;
  const field = mapping?.fields[model.fields.findIndex((each) => each.name === name)];
  if (mapping === undefined || !field) return undefined;
  const put = field.put(value, cells === null ? null : mapping.columns.map((column) => cells[column]), NO_REFERENCES);
  if (put.kind !== "ok") return put.kind === "problem" ? put.problem : put;
  return Object.fromEntries(field.writes.map((column, place) => [mapping.columns[column] ?? "", put.result[place]]));
}

describe.skip("the example of the design", () => {
  const compiled = compileSync(projectOf(PROJECT_EXAMPLE), "customers", schemas);

  test("compiles without problems", () => {
    expect(problemsOf(compiled)).toEqual([]);
    expect(compiled.notes.map(formatNote)).toEqual([]);
  });

  test("[S1] its fields read from either side as one canonical record", () => {
    const model = modelOf(compiled);
    const fromCrm = read(model, 0, {
      email: "Ann@Example.com",
      firstname: "Anna Maria",
      lastname: "Berg",
      phone: "+49 30 901820",
      lifecyclestage: "other",
      street: "Main St 1",
      city: "Berlin",
      zip: null,
      credit__c: "12.50",
      points: "7",
      tags: "b; a ;",
      associatedcompanyid: null,
    });
    expect(fromCrm).toEqual({
      ...{
        email: "Ann@example.com",
        name: "Anna Maria Berg",
        phone: "+49 30 901820",
        stage: "lapsed",
        address: '["Main St 1","Berlin",null]',
      },
      ...{ credit: "12.5", points: "7", tags: '["a","b"]', company: null },
    });
    expect(write(model, 1, "stage", "lapsed")).toEqual({ status: "Z" });
    expect(write(model, 1, "credit", "12.5")).toEqual({ credit_limit: "12.50" });
    expect(write(model, 0, "name", "Anna Maria Berg")).toEqual({ firstname: "Anna Maria", lastname: "Berg" });
    expect(write(model, 0, "tags", '["a","b"]')).toEqual({ tags: "a;b" });
    expect(write(model, 0, "address", '["Main St 1",null,"10115"]')).toEqual({ street: "Main St 1", city: null, zip: "10115" });
  });

  test("[S17] policies name sides by their places, categories apply, and what is not named follows in declared order", () => {
    const { fields } = modelOf(compiled);
    const policy = (name: string): unknown => fields.find((field) => field.name === name)?.policy;
    expect(policy("email")).toEqual({
      kind: "owner",
      ranks: [1, 0],
      revert: true,
      fill: false,
      blanks: ["review", "erase"],
      verified: null,
    });
    expect(policy("name")).toEqual({ kind: "newest", ranks: [0, 1], clockSkewMs: 2000 });
    expect(policy("points")).toEqual({ kind: "counter", floor: "0" });
    expect(policy("tags")).toEqual({ kind: "set" });
    expect(fields.map((field) => field.name)[modelOf(compiled).match[0]?.[1] ?? 0]).toBe("company");
  });

  test("[S55] from leaves one writer, and [S44] a reference names the parent sync's side at the same connection", () => {
    const model = modelOf(compiled);
    expect(model.fields.find(({ name }) => name === "credit")?.writers).toEqual([false, true]);
    const company = model.sides[1]?.mapping.fields.at(-1);
    expect(company?.reference).toMatchObject({ sync: "companies", side: 1 });
    const cells = model.sides[1]?.mapping.columns.map((column) => (column === "company_id" ? "C7" : null)) ?? [];
    const known = {
      entityOf: (_: string, side: number, record: string) => (side === 1 && record === "C7" ? 42 : undefined),
      recordOf: () => undefined,
    };
    expect(company?.get(cells, known)).toEqual({ kind: "ok", result: "42" });
    expect(company?.get(cells, NO_REFERENCES)).toEqual({ kind: "waits", sync: "companies", entity: null });
    expect(company?.put("42", null, known)).toEqual({ kind: "waits", sync: "companies", entity: 42 });
  });

  test("[S42] the filter is unknown while its column is, and false for an empty one", () => {
    const { filter, mapping } = modelOf(compiled).sides[0] ?? {};
    const cellsWith = (stage: NativeCell): NativeCell[] => mapping?.columns.map((column) => (column === "lifecyclestage" ? stage : null)) ?? [];
    expect(["customer", "lead", null, undefined].map((stage) => filter?.(cellsWith(stage)))).toEqual([true, false, false, undefined]);
  });

  test("[S38] the archive mark names its column's place and cell", () => {
    const { archive, mapping } = modelOf(compiled).sides[1] ?? {};
    expect(archive).toEqual({ column: mapping?.columns.indexOf("status"), cell: "X", restored: null });
  });

  test("[S43, S56] settings are in milliseconds and shares", () => {
    expect(compiled.kind === "ok" && compiled.settings).toEqual({
      live: true,
      quietMs: 2000,
      sweepMs: 86_400_000,
      guards: { deletesMax: null, deletesShareMax: 0.01, rewritesShareMax: { email: 0.05 } },
    });
  });
});
const HEAD = `version: 1
connections: { a: { connector: sqlite }, b: { connector: postgres } }
syncs:
  things:
    sides: { a: { object: a }, b: { object: b } }
    fields:
      x: { type: text, a: x, b: x }
`;

const wrong: Record<string, () => CompileSyncResult> = {
  "no such object": () => compileSync(small("x: { type: text, a: x, b: x }"), "things", () => undefined),
  "no such sync": () => compileSync(small("x: { type: text, a: x, b: x }"), "thing", () => undefined),
  "no key": () => compileSync(small("x: { type: text, a: x, b: x }"), "things", (_, o) => objectOf(o, { x: "text" }, [])),
  "unknown column": () => compileSmall("x: { type: text, a: emial, b: x }", { email: "text" }, { x: "text" }),
  "unknown in get": () => compileSmall("x: { type: text, a: { get: upper(emial) }, b: x }", { email: "text" }, { x: "text" }),
  "not carried": () => compileSmall("x: { type: text, a: x, b: x }", { x: "none" }, { x: "text" }),
  "boolean in integer": () => compileSmall("x: { type: boolean, a: x, b: x }", { x: "integer" }, { x: "boolean" }),
  "date in instant": () => compileSmall("x: { type: date, a: x, b: x }", { x: "instant" }, { x: "date" }),
  "set in text": () => compileSmall("x: { type: set, a: x, b: x }", { x: "text" }, { x: "set" }),
  "set separator in list": () => compileSmall("x: { type: set, a: { field: x, separator: ',' }, b: x }", { x: "set" }, { x: "set" }),
  "set in integer": () => compileSmall("x: { type: set, a: x, b: x }", { x: "integer" }, { x: "set" }),
  "two writers": () => compileSmall("x: { type: text, a: x, b: x }\ny: { type: text, a: y, b: x }", { x: "text", y: "text" }, { x: "text" }),
  "group twice": () => compileSmall("x: { type: group, fields: { p: { type: text, a: x, b: x }, q: { type: text, a: y, b: x } } }", { x: "text", y: "text" }, { x: "text" }),
  "constant and field": () => compileSmall("x: { type: text, a: x, b: x }\ny: { type: text, a: y, b: { field: x, constant: z } }", { x: "text", y: "text" }, { x: "text" }),
  "read-only": () => compileSmall("x: { type: text, a: x, b: x }", { x: "text-" }, { x: "text" }),
  required: () => compileSmall("x: { type: text, a: x, b: x }", { x: "text", country: "text!" }, { x: "text" }),
  "required not by its own": () => compileSmall("x: { type: text, a: x, b: x }\nc: { type: text, from: a, a: country, b: c }", { x: "text", country: "text!" }, { x: "text", c: "text" }),
  "counter of text": () => compileSmall("x: { type: text, policy: counter, a: x, b: x }", { x: "text" }, { x: "text" }),
  "set policy of text": () => compileSmall("x: { type: text, policy: set, a: x, b: x }", { x: "text" }, { x: "text" }),
  "max of json": () => compileSmall("x: { type: json, policy: max, a: x, b: x }", { x: "json" }, { x: "json" }),
  "text policy of integer": () => compileSmall("x: { type: integer, policy: text, a: x, b: x }", { x: "integer" }, { x: "integer" }),
  "ladder step": () => compileSmall("x: { type: { enum: [p, q] }, policy: { ladder: [p, r] }, a: x, b: x }", { x: "text" }, { x: "text" }),
  custom: () => compileSmall("x: { type: text, policy: { custom: observd }, a: x, b: x }", { x: "text" }, { x: "text" }),
  "custom type": () => compileSmall("x: { type: text, policy: { custom: size(observed) }, a: x, b: x }", { x: "text" }, { x: "text" }),
  "get type": () => compileSmall("x: { type: text, a: { get: size(x) }, b: x }", { x: "text" }, { x: "text" }),
  "put type": () => compileSmall("x: { type: text, a: { field: x, get: string(value), put: value }, b: x }", { x: "integer" }, { x: "text" }),
  "value not in enum": () => compileSmall("x: { type: { enum: [p, q] }, a: { field: x, values: { p: A, r: B, q: C } }, b: x }", { x: "text" }, { x: "text" }),
  "native not in picklist": () => compileSmall("x: { type: { enum: [p, q] }, a: { field: x, values: { p: A, q: C } }, b: x }", { x: "enum(A|B)" }, { x: "text" }),
  "option without native": () => compileSmall("x: { type: { enum: [p, q] }, a: { field: x, values: { p: A } }, b: x }", { x: "text" }, { x: "text" }),
  otherwise: () => compileSmall("x: { type: { enum: [p, q] }, a: { field: x, values: { p: A, q: B }, otherwise: r }, b: x }", { x: "text" }, { x: "text" }),
  default: () => compileSmall("x: { type: integer, a: { field: x, default: none }, b: x }", { x: "integer!" }, { x: "integer" }),
  empty: () => compileSmall("x: { type: integer, a: { field: x, empty: none }, b: x }", { x: "integer!" }, { x: "integer" }),
  factor: () => compileSmall("x: { type: decimal, a: { field: x, scale: 60 }, b: x }", { x: "decimal" }, { x: "decimal" }),
  "filter type": () => compileSync(projectOf(HEAD.replace("a: { object: a }", "a: { object: a, filter: size(x) }")), "things", (_, o) => objectOf(o, { id: "text!=", x: "text" })),
  "archive required": () => compileSync(projectOf(HEAD.replace("a: { object: a }", "a: { object: a, archive: { column: gone, value: true } }")), "things", (_, o) => objectOf(o, { id: "text!=", x: "text", gone: "boolean!=" })),
  "archive value": () => compileSync(projectOf(HEAD.replace("a: { object: a }", "a: { object: a, archive: { column: gone, value: X } }")), "things", (_, o) => objectOf(o, { id: "text!=", x: "text", gone: "boolean" })),
  "constant column": () => compileSync(projectOf(HEAD.replace("a: { object: a }", "a: { object: a, constants: { contry: DE } }")), "things", (_, o) => objectOf(o, { id: "text!=", x: "text", country: "text!" })),
  "constant value": () => compileSync(projectOf(HEAD.replace("a: { object: a }", "a: { object: a, constants: { n: DE } }")), "things", (_, o) => objectOf(o, { id: "text!=", x: "text", n: "integer!" })),
  unstable: () => compileSmall("x: { type: text, a: { get: \"x + 'a'\", put: { x: value } }, b: x }", { x: "text" }, { x: "text" }),
};
test("dump", () => {
  for (const [name, run] of Object.entries(wrong))
    console.log(
      name +
        "\n" +
        problemsOf(run())
          .map((l) => "    " + l)
          .join("\n"),
    );
});
