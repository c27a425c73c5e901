import { fakeCodec } from "@accord/testkit";
import type { FakeType } from "@accord/testkit";
import { builtinTypes, equalValues, getRecord, imageOf, NO_REFERENCES } from "@accord/core";
import type { ColumnCodec, ColumnSchema, NativeCell, ObjectSchema, SyncModel } from "@accord/core";
import fc from "fast-check";
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
    name,
    key,
    keyProblem: key.length === 0 ? "the table has no primary key" : null,
    keyOrder: "bytes",
    uniques: [],
    references: [],
    comment: null,
    columns: Object.entries(columns).map(([column, sketch]) => columnOf(column, sketch)),
  };
}

function columnOf(name: string, sketch: string): ColumnSchema {
  const [, type = "", , parameter = "", marks = ""] = /^(\w+)(\((.*)\))?([!=-]*)$/.exec(sketch) ?? [];
  const codec = type === "none" ? null : codecOf(type, parameter);
  return {
    name,
    nativeType: sketch.replaceAll(/[!=-]/g, ""),
    codec,
    codecProblem: codec === null ? "its values have no text" : null,
    comment: null,
    nullable: !marks.includes("!"),
    writable: !marks.includes("-"),
    hasDefault: marks.includes("="),
  };
}

function asIs(cell: string): ReturnType<ColumnCodec["decode"]> {
  return { kind: "value", text: cell };
}

function codecOf(type: string, parameter: string): ColumnCodec {
  const options = parameter.split("|");
  if (type === "set" || type === "json" || type === "enum") {
    const parse =
      type === "json" ? (text: string) => builtinTypes.get("json")?.parse(text) ?? { kind: "invalid" as const, problem: "" } : undefined;
    const encode: ColumnCodec["encode"] = (text) =>
      type === "enum" && !options.includes(text)
        ? { kind: "invalid", problem: "not one of the column's options" }
        : { kind: "value", text };
    return { typeName: type, options: type === "enum" ? options : null, decode: parse ?? asIs, encode };
  }
  if (type === "decimal" && parameter !== "") return fakeCodec("decimal", { scale: Number(parameter) });
  if (type === "upper") return fakeCodec("text", { lossy: "upper" });
  if (type === "cut") return fakeCodec("text", { lossy: "cut", lengthMax: Number(parameter) });
  return fakeCodec(type as FakeType, parameter === "" ? {} : { lengthMax: Number(parameter) }); // The sketches name nothing but its types.
}

const CONTACTS = objectOf("contacts", {
  id: "text!=",
  email: "text",
  firstname: "text",
  lastname: "text",
  phone: "text",
  lifecyclestage: "text",
  street: "text",
  city: "text",
  zip: "text",
  credit__c: "decimal",
  points: "integer",
  tags: "text",
  associatedcompanyid: "text",
  hs_score: "integer",
  hs_seen: "text",
  notes: "text",
});
const CUSTOMER = objectOf("public.customer", {
  id: "text!=",
  email_address: "text",
  full_name: "text(80)",
  phone: "text",
  status: "enum(L|A|Z|X)",
  street: "text",
  town: "text",
  postcode: "text",
  credit_limit: "decimal(2)",
  loyalty_points: "integer",
  labels: "set",
  company_id: "text",
  created_at: "instant!=",
  updated_at: "instant!=",
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

function compileSmall(
  fields: string,
  a: Readonly<Record<string, string>>,
  b: Readonly<Record<string, string>>,
  more = "",
): CompileSyncResult {
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
function write(
  model: SyncModel,
  side: number,
  name: string,
  value: string | null,
  cells: Readonly<Record<string, NativeCell>> | null = null,
): unknown {
  const mapping = model.sides[side]?.mapping;
  const field = mapping?.fields[model.fields.findIndex((each) => each.name === name)];
  if (mapping === undefined || !field) return undefined;
  const put = field.put(value, cells === null ? null : mapping.columns.map((column) => cells[column]), NO_REFERENCES);
  if (put.kind !== "ok") return put.kind === "problem" ? put.problem : put;
  return Object.fromEntries(field.writes.map((column, place) => [mapping.columns[column] ?? "", put.result[place]]));
}


test("fuzz compile", () => {
  const words = ["text","integer","decimal","boolean","set","json","email","phone","date","instant","email_address","lifecyclestage","values: { lead: L }","field: points","get: value","join: [email, phone]","separator: ';'","case: upper","default: x","empty: x","policy: review","from: erp","{ ref: companies }", "counter", "max", "newest", "scale: 3"];
  const tokens = [...PROJECT_EXAMPLE.matchAll(/[A-Za-z_]\w+(?:: \w+)?/g)];
  let ok = 0, prob = 0, load = 0;
  fc.assert(fc.property(fc.array(fc.tuple(fc.nat(), fc.constantFrom(...words)), {minLength:1,maxLength:2}), (edits) => {
    let text = PROJECT_EXAMPLE;
    for (const [at, w] of edits) { const t = tokens[at % tokens.length]; if (t && t.index > 300) text = text.slice(0, t.index) + w + text.slice(t.index + t[0].length); }
    const loaded = readProject("accord.yaml", text, { CRM_FILE: "crm.db", ERP_URL: "x" });
    if (loaded.kind === "problems") { load++; return; }
    for (const sync of loaded.project.syncs) { const r = compileSync(loaded.project, sync.name, schemas); if (r.kind === "ok") ok++; else { prob++; expect(r.problems.length).toBeGreaterThan(0); for (const p of r.problems) expect(formatProblem(p)).toMatch(/^accord\.yaml:\d+:\d+: .+; .+$/); } }
  }), { numRuns: 3000 });
  console.log({ ok, prob, load });
});
