import { DEFAULT_LIMITS } from "@accord/engine";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PROJECT_EXAMPLE } from "./example.ts";
import { loadProject, readProject } from "./load-project.ts";
import type { LoadResult } from "./load-project.ts";
import { formatProblem } from "./problem.ts";

test("the example of the design loads, syncs parents first [S45]", () => {
  const loaded = readProject("accord.yaml", PROJECT_EXAMPLE, { CRM_FILE: "crm.db", ERP_URL: "postgres://erp" });
  expect(lines(loaded)).toEqual([]);
  if (loaded.kind === "ok") {
    expect(loaded.project.syncs.map(({ name }) => name)).toEqual(["companies", "customers"]);
    const customers = loaded.project.syncs[1];
    expect(customers?.entry.quiet).toBe(2000);
    expect(customers?.entry.guards).toEqual({
      deletes: { kind: "share", share: 0.01 },
      rewrites: { email: 0.05 },
      changes: 0.9,
      count: 0.5,
      canaries: {},
    });
  }
});

test.each([
  ["two connections to one file", "crm.db", "things", "names the same object as crm; give each side an object of its own"],
  ["two objects of one file", "crm.db", "others", ""],
  ["objects of one name in two files", "erp.db", "things", ""],
])("[S36] one object at two sides would be copied into itself without end: %s", (_, file, object, problem) => {
  const text = `version: 1
connections:
  crm: { connector: sqlite, file: crm.db }
  erp: { connector: sqlite, file: ${file} }
syncs:
  notes:
    sides: { crm: { object: things }, erp: { object: ${object} } }
    fields: { body: { type: text, crm: body, erp: body } }
`;
  const expected = problem === "" ? [] : [`accord.yaml:7:39: syncs.notes.sides.erp: ${problem}`];
  expect(lines(readProject("accord.yaml", text, {}))).toEqual(expected);
});

test("limits that the file names stand in the place of the engine's own [S32, S54]", () => {
  const limited = readProject(
    "accord.yaml",
    top("limits: { lease: 30s, mergeBatch: 500, listPage: 100, retryDelayMax: 5m, attemptsMax: 3 }"),
    {},
  );
  expect(limited.kind === "ok" ? limited.project.limits : lines(limited)).toEqual({
    ...DEFAULT_LIMITS,
    leaseMs: 30_000,
    mergeBatch: 500,
    listPage: 100,
    retryDelayMsMax: 300_000,
    attemptsMax: 3,
  });
  expect(lines(readProject("accord.yaml", top("limits: { lease: 500ms, mergeBatch: 0, inboxMax: many, pushbatch: 3 }"), {}))).toEqual([
    "accord.yaml:8:11: limits.lease: must be from 1s to 10m; write lease: 15s",
    "accord.yaml:8:25: limits.mergeBatch: must be a whole number from 1 to 20000; write mergeBatch: 1000",
    "accord.yaml:8:40: limits.inboxMax: must be a whole number from 1000 to 10000000; write inboxMax: 200000",
    "accord.yaml:8:56: limits.pushbatch: is not a key here; did you mean pushBatch?",
  ]);
});

function lines(result: LoadResult): readonly string[] {
  return result.kind === "ok" ? [] : result.problems.map(formatProblem);
}

const HEAD = `version: 1
connections: { a: { connector: sqlite, file: a.db }, b: { connector: postgres, url: postgres://b } }
syncs:
  things:
    sides: { a: { object: a }, b: { object: b } }
    fields:
`;
/** The file with one field line, and more lines after it. */
const f = (x: string, more = "") => `${HEAD}      ${x}\n${more}`;
/** The file with one more key of its sync. */
const s = (more: string) => `${HEAD}      x: { type: text, a: x, b: x }\n    ${more}\n`;
const sides = (x: string) => `version: 1
connections: { a: { connector: sqlite, file: a.db }, b: { connector: postgres, url: postgres://b } }
syncs:
  things:
    sides: ${x}
    fields:
      x: { type: text, a: x, b: x }
`;
const top = (x: string) => f("x: { type: text, a: x, b: x }") + x + "\n";
const connectors = [
  {
    name: "sqlite",
    checkSettings: (settings: Readonly<Record<string, unknown>>) =>
      settings["file"] === undefined ? [{ key: "file", problem: "the path of the SQLite file is missing", remedy: "file: ./shop.db" }] : [],
  },
  { name: "postgres", checkSettings: () => [] },
];
const conn = (x: string) => f("x: { type: text, a: x, b: x }").replace("a: { connector: sqlite, file: a.db }", x);

const wrong: readonly (readonly [name: string, text: string, lines: readonly string[]])[] = [
  [
    "an empty file",
    "",
    [
      "accord.yaml:1:1: must be a project: version, connections and syncs; give it keys: version, installation, store, region, limits, connections, syncs",
    ],
  ],
  [
    "a list",
    "- 1",
    [
      "accord.yaml:1:1: must be a project: version, connections and syncs; give it keys: version, installation, store, region, limits, connections, syncs",
    ],
  ],
  [
    "no YAML",
    "version: 1\nsyncs: { a: [",
    [
      "accord.yaml:2:14: this is no YAML: flow sequence in block collection must be sufficiently indented and end with a ]; correct the line",
      "accord.yaml:2:14: this is no YAML: flow map in block collection must be sufficiently indented and end with a }; correct the line",
    ],
  ],
  ["a tab", "version: 1\nsyncs:\n\tthings: {}", ["accord.yaml:3:1: a tab indents this line, which YAML does not allow; correct the line"]],
  ["a key twice", "version: 1\nversion: 1", ["accord.yaml:2:1: the same key stands here twice; correct the line"]],
  ["no version", "connections: {}\nsyncs: {}", ["accord.yaml:1:1: version: is missing; write version: 1"]],
  [
    "another version",
    top("").replace("version: 1", "version: 2"),
    ["accord.yaml:1:1: version: must be 1, the version of the file's format; write version: 1"],
  ],
  ["a wrong top key", top("sincs: {}"), ["accord.yaml:8:1: sincs: is not a key here; did you mean syncs?"]],
  [
    "an unknown top key",
    top("zebra: {}"),
    ["accord.yaml:8:1: zebra: is not a key here; use one of version, installation, store, region, limits, connections, syncs"],
  ],
  [
    "a missing variable",
    conn("a: { connector: sqlite, file: ${A_FILE} }"),
    ["accord.yaml:2:40: connections.a.file: the environment variable A_FILE is not set; set A_FILE before you start accord"],
  ],
  [
    "a secret",
    conn("a: { connector: sqlite, file: ${secret:a} }"),
    [
      "accord.yaml:2:40: connections.a.file: ${secret:a} needs the sealed store, which this version does not have; read it from the environment: ${NAME}",
    ],
  ],
  [
    "a variable in a field",
    f("x: { type: text, a: ${COLUMN}, b: x }"),
    [
      "accord.yaml:7:24: syncs.things.fields.x.a: ${COLUMN} cannot stand here; variables are for connections, store and installation; write the value itself",
    ],
  ],
  [
    "unknown connector",
    conn("a: { connector: sqlit, file: a.db }"),
    ['accord.yaml:2:21: connections.a.connector: there is no connector "sqlit"; did you mean sqlite?'],
  ],
  ["no connector", conn("a: { file: a.db }"), ["accord.yaml:2:16: connections.a.connector: is missing; write connector: postgres"]],
  [
    "missing setting",
    conn("a: { connector: sqlite }"),
    ["accord.yaml:2:16: connections.a.file: the path of the SQLite file is missing; file: ./shop.db"],
  ],
  [
    "installation",
    top("installation: My Shop"),
    ["accord.yaml:8:1: installation: must be 1 to 24 small letters, digits or underscores; write installation: shop"],
  ],
  ["region", top("region: Germany"), ["accord.yaml:8:1: region: must be a region of two letters; write region: DE"]],
  [
    "reserved side",
    sides("{ from: { object: a }, b: { object: b } }"),
    [
      'accord.yaml:5:14: syncs.things.sides.from: "from" has a meaning of its own and cannot name a side; name it after its system: from_system',
    ],
  ],
  [
    "side with a dash",
    sides("{ a-b: { object: a }, b: { object: b } }"),
    ["accord.yaml:5:14: syncs.things.sides.a-b: is no name of a side; use letters, digits and underscores, a letter first"],
  ],
  [
    "one side",
    sides("{ a: { object: a } }").replace(", b: x", ""),
    ["accord.yaml:5:5: syncs.things.sides: a sync needs at least two sides; add the other system below sides"],
  ],
  [
    "side without object",
    sides("{ a: {}, b: { object: b } }"),
    ["accord.yaml:5:14: syncs.things.sides.a.object: is missing; write object: public.customer"],
  ],
  [
    "unknown connection",
    sides("{ a: { object: a, connection: aa }, b: { object: b } }"),
    ['accord.yaml:5:30: syncs.things.sides.a.connection: there is no connection "aa"; use one of a, b'],
  ],
  [
    "side named as no connection",
    sides("{ a: { object: a }, crm: { object: b } }").replace("b: x", "crm: x"),
    ['accord.yaml:5:32: syncs.things.sides.crm: there is no connection "crm"; use one of a, b'],
  ],
  [
    "same object twice",
    sides("{ a: { object: a }, b: { connection: a, object: a } }"),
    ["accord.yaml:5:32: syncs.things.sides.b: names the same object as a; give each side an object of its own"],
  ],
  [
    "misspelled side key",
    sides("{ a: { object: a, filtre: 'x' }, b: { object: b } }"),
    ["accord.yaml:5:30: syncs.things.sides.a.filtre: is not a key here; did you mean filter?"],
  ],
  [
    "filter no CEL",
    sides("{ a: { object: a, filter: 'x ==' }, b: { object: b } }"),
    ["accord.yaml:5:30: syncs.things.sides.a.filter: the expression cannot be read: Unexpected token: EOF; correct the expression"],
  ],
  [
    "misspelled field key",
    f("x: { type: text, polcy: newest, a: x, b: x }"),
    ["accord.yaml:7:24: syncs.things.fields.x.polcy: is not a key here; did you mean policy?"],
  ],
  [
    "misspelled side in field",
    f("x: { type: text, a: x, bb: x }"),
    [
      "accord.yaml:7:30: syncs.things.fields.x.bb: is not a key here; use one of type, policy, category, sensitive, from, drift, fields, a, b",
    ],
  ],
  [
    "no type",
    f("x: { a: x, b: x }"),
    ["accord.yaml:7:7: syncs.things.fields.x.type: is missing; write type: text, or { enum: [a, b] }, { ref: companies }, { set: email }"],
  ],
  [
    "misspelled type",
    f("x: { type: txt, a: x, b: x }"),
    ['accord.yaml:7:12: syncs.things.fields.x.type: "txt" is not a type; did you mean text?'],
  ],
  [
    "type of unknown key",
    f("x: { type: { enun: [a] }, a: x, b: x }"),
    ["accord.yaml:7:20: syncs.things.fields.x.type.enun: is not a key here; did you mean enum?"],
  ],
  [
    "enum empty",
    f("x: { type: { enum: [] }, a: x, b: x }"),
    ["accord.yaml:7:20: syncs.things.fields.x.type.enum: must not be empty; write [lead, customer]"],
  ],
  [
    "misspelled policy",
    f("x: { type: text, policy: newst, a: x, b: x }"),
    ['accord.yaml:7:24: syncs.things.fields.x.policy: "newst" is not a policy; did you mean newest?'],
  ],
  [
    "policy number",
    f("x: { type: text, policy: 7, a: x, b: x }"),
    [
      "accord.yaml:7:24: syncs.things.fields.x.policy: must be a policy; write owner, newest, counter, set, max, min, ladder, text or review",
    ],
  ],
  [
    "policy key",
    f("x: { type: text, policy: { ownr: [a] }, a: x, b: x }"),
    ["accord.yaml:7:34: syncs.things.fields.x.policy.ownr: is not a key here; did you mean owner?"],
  ],
  [
    "policy unknown side",
    f("x: { type: text, policy: { owner: [a, c] }, a: x, b: x }"),
    ['accord.yaml:7:45: syncs.things.fields.x.policy.owner.1: "c" is not a side of this sync; write a or b'],
  ],
  [
    "blanks rule",
    f("x: { type: text, policy: { owner: [a], blanks: { a: ignor } }, a: x, b: x }"),
    ['accord.yaml:7:56: syncs.things.fields.x.policy.blanks.a: "ignor" is not a rule for emptied values; did you mean ignore?'],
  ],
  [
    "from unknown",
    f("x: { type: text, from: c, a: x, b: x }"),
    ['accord.yaml:7:24: syncs.things.fields.x.from: "c" is not a side or a list of sides; write from: a'],
  ],
  [
    "from without column",
    f("x: { type: text, from: b, a: x }"),
    ["accord.yaml:7:24: syncs.things.fields.x.from: the field has no column at b; name its column at b, or another side"],
  ],
  [
    "category unknown",
    f("x: { type: text, category: contacts, a: x, b: x }", "    categories: { contact: { policy: review } }\n"),
    ['accord.yaml:7:24: syncs.things.fields.x.category: there is no category "contacts"; did you mean contact?'],
  ],
  [
    "field no side",
    f("x: { type: text }"),
    ["accord.yaml:7:7: syncs.things.fields.x: the field has no column at any side; name its column at each side: a, b"],
  ],
  [
    "field name",
    f("x-y: { type: text, a: x, b: x }"),
    ["accord.yaml:7:7: syncs.things.fields.x-y: is no name of a field; use letters, digits and underscores"],
  ],
  [
    "entry key",
    f("x: { type: text, a: { feild: x }, b: x }"),
    ["accord.yaml:7:29: syncs.things.fields.x.a.feild: is not a key here; did you mean field?"],
  ],
  [
    "entry no column",
    f("x: { type: text, a: { case: upper }, b: x }"),
    ["accord.yaml:7:24: syncs.things.fields.x.a: names no column; write field: and the name of the column"],
  ],
  [
    "put without get",
    f("x: { type: text, a: { put: { x: value } }, b: x }"),
    ["accord.yaml:7:29: syncs.things.fields.x.a.put: put needs a get that reads back what it writes; add get: and an expression"],
  ],
  [
    "put text without field",
    f("x: { type: text, a: { get: x, put: value }, b: x }"),
    [
      "accord.yaml:7:37: syncs.things.fields.x.a.put: put does not say which column it writes; write put: { column: expression }, or add field:",
    ],
  ],
  [
    "field and join",
    f("x: { type: text, a: { field: x, join: [p, q] }, b: x }"),
    ["accord.yaml:7:39: syncs.things.fields.x.a.join: field and join do not go together; use one of them"],
  ],
  [
    "get and values",
    f("x: { type: text, a: { field: x, get: value, values: { a: b } }, b: x }"),
    ["accord.yaml:7:51: syncs.things.fields.x.a.values: get and values do not go together; do what values does inside the expressions"],
  ],
  [
    "separator for text",
    f("x: { type: text, a: { field: x, separator: ';' }, b: x }"),
    ["accord.yaml:7:39: syncs.things.fields.x.a.separator: separator is for sets, join and split; leave it out"],
  ],
  [
    "unit of text",
    f("x: { type: text, a: { field: x, scale: '0.01' }, b: x }"),
    ["accord.yaml:7:39: syncs.things.fields.x.a.scale: only numbers have a unit; write type: decimal"],
  ],
  [
    "factor zero",
    f("x: { type: decimal, a: { field: x, scale: 0 }, b: x }"),
    ['accord.yaml:7:42: syncs.things.fields.x.a.scale: must be an exact decimal number other than zero; write "0.01"'],
  ],
  [
    "get no CEL",
    f("x: { type: text, a: { get: 'upper(' }, b: x }"),
    ["accord.yaml:7:29: syncs.things.fields.x.a.get: the expression cannot be read: Unexpected token: EOF; correct the expression"],
  ],
  [
    "group without parts",
    f("x: { type: group, a: x, b: x }"),
    [
      "accord.yaml:7:7: syncs.things.fields.x: a group needs parts; add fields: { … } with a type and the sides of each part",
      "accord.yaml:7:25: syncs.things.fields.x.a: a group has one column at a side only by split; write split: column, or give each part its column",
      "accord.yaml:7:31: syncs.things.fields.x.b: a group has one column at a side only by split; write split: column, or give each part its column",
    ],
  ],
  [
    "parts without group",
    f("x: { type: text, fields: { y: { type: text, a: x } }, b: x }"),
    ["accord.yaml:7:24: syncs.things.fields.x.fields: only a group has parts; write type: group, or leave fields out"],
  ],
  [
    "group lacking part",
    f("x: { type: group, fields: { y: { type: text, a: x, b: x }, z: { type: text, a: z } } }"),
    [
      "accord.yaml:7:7: syncs.things.fields.x: z has no column at b, and a group is one value [S16]; name a column there for each part, or for none",
    ],
  ],
  [
    "split without group",
    f("x: { type: text, a: { split: full }, b: x }"),
    [
      "accord.yaml:7:29: syncs.things.fields.x.a.split: split is for groups: its parts are the parts of the column; write type: group with fields, or use get",
    ],
  ],
  [
    "unknown ref",
    f("x: { type: { ref: thingz }, a: x, b: x }"),
    ['accord.yaml:7:20: syncs.things.fields.x.type.ref: there is no sync "thingz"; did you mean things?'],
  ],
  [
    "tree of other records",
    f("x: { type: { ref: thingz, tree: true }, a: x, b: x }"),
    [
      'accord.yaml:7:20: syncs.things.fields.x.type.ref: there is no sync "thingz"; did you mean things?',
      "accord.yaml:7:33: syncs.things.fields.x.type.tree: only a reference of a sync to itself is a tree; leave tree out",
    ],
  ],
  ["match unknown", s("match: [[y]]"), ['accord.yaml:8:14: syncs.things.match.0.0: there is no field "y"; use one of x']],
  ["match flat", s("match: [x]"), ["accord.yaml:8:13: syncs.things.match.0: must be a list of fields; write [email]"]],
  [
    "initial",
    s("initial: first"),
    ['accord.yaml:8:5: syncs.things.initial: "first" is not an initial policy; write owner, non-null, newest or review'],
  ],
  [
    "deletes",
    s("deletes: { do: archve }"),
    ['accord.yaml:8:16: syncs.things.deletes.do: "archve" is not something to do about deletes; did you mean archive?'],
  ],
  [
    "guard",
    s("guards: { deletes: 1 percent }"),
    ["accord.yaml:8:15: syncs.things.guards.deletes: must be a percentage from 0% to 100%; write deletes: 1%"],
  ],
  [
    "guard over",
    s("guards: { deletes: 120% }"),
    ["accord.yaml:8:15: syncs.things.guards.deletes: must be a percentage from 0% to 100%; write deletes: 1%"],
  ],
  [
    "guard field",
    s("guards: { rewrites: { y: 5% } }"),
    ['accord.yaml:8:27: syncs.things.guards.rewrites.y: there is no field "y"; use one of x'],
  ],
  ["quiet", s("quiet: 2"), ["accord.yaml:8:5: syncs.things.quiet: must be a time span with its unit (ms, s, m, h, d); write quiet: 2s"]],
  [
    "quiet unit",
    s("quiet: 2 seconds"),
    ["accord.yaml:8:5: syncs.things.quiet: must be a time span with its unit (ms, s, m, h, d); write quiet: 2s"],
  ],
  ["live", s("live: yes"), ["accord.yaml:8:5: syncs.things.live: must be true or false; write live: true"]],
  ["ignore side", s("ignore: { c: [x] }"), ["accord.yaml:8:15: syncs.things.ignore.c: is not a key here; use one of a, b"]],
  ["misspelled sync key", s("polciy: newest"), ["accord.yaml:8:5: syncs.things.polciy: is not a key here; did you mean policy?"]],
  [
    "verified",
    s("policy: { owner: [a], verified: seen }"),
    ['accord.yaml:8:27: syncs.things.policy.verified: there is no field "seen"; use one of x'],
  ],
];

/** Teams name their head, and people their team. */
const circle = (later: string): string => `version: 1
connections: { a: { connector: sqlite }, b: { connector: postgres } }
syncs:
  teams: { sides: { a: { object: t }, b: { object: t } }, fields: { head: { type: { ref: people${later} }, a: h, b: h } } }
  people: { sides: { a: { object: p }, b: { object: p } }, fields: { team: { type: { ref: teams }, a: t, b: t } } }
`;

describe("[S44] syncs that name each other", () => {
  test("go in the order of those that wait, where one of them is filled in later", () => {
    const result = readProject("accord.yaml", circle(", later: true"), {});
    expect(result.kind === "ok" && result.project.syncs.map(({ name }) => name)).toEqual(["teams", "people"]);
  });

  test("are refused where each waits for the other, with what to write", () => {
    expect(lines(readProject("accord.yaml", circle(""), {}))).toEqual([
      "accord.yaml:4:3: syncs.teams: the references go round in a circle: teams → people → teams; write later: true beside ref: at one of them whose columns may be empty, so that records are made without it and get it afterwards",
    ]);
  });
});

describe("a wrong file is answered with its place, what is wrong and what would be right", () => {
  test.each(wrong)("%s", (_, text, expected) => {
    expect(lines(readProject("accord.yaml", text, {}, connectors))).toEqual(expected);
  });

  test("a file that is not there", async () => {
    expect(lines(await loadProject("/nowhere/accord.yaml", {}))).toEqual([
      "/nowhere/accord.yaml:1:1: there is no such file; name another with --file, or begin one with accord init",
    ]);
  });
});

test.each([
  ["an alias that holds itself", "version: &a [*a]"],
  [
    "aliases that multiply",
    `a: &a [1,1,1,1,1,1,1,1,1,1]\n${["b", "c", "d", "e", "f", "g"]
      .map(
        (name, place) =>
          `${name}: &${name} [${Array(10)
            .fill(`*${"abcdef"[place] ?? ""}`)
            .join()}]`,
      )
      .join("\n")}`,
  ],
])("%s is refused and does not hang", (_, text) => {
  expect(lines(readProject("accord.yaml", text, {}))).toHaveLength(1);
});

test("a project in TypeScript and a side named as a method are answered in words", async () => {
  expect(lines(await loadProject("accord.config.ts", {}))).toEqual([
    "accord.config.ts:1:1: a project in TypeScript is not supported in this version; write it as accord.yaml",
  ]);
  expect(lines(readProject("accord.yaml", sides("{ constructor: { object: a }, b: { object: b } }"), {}))).toEqual([
    'accord.yaml:5:14: syncs.things.sides.constructor: "constructor" has a meaning of its own and cannot name a side; name it after its system: constructor_system',
  ]);
});

test("values of the environment fill settings and never stand in a message", () => {
  const text = conn("a: { connector: sqlite, file: ${A_FILE}, password: ${PASSWORD} }");
  const loaded = readProject("/srv/shop/accord.yaml", text, { A_FILE: "data/a.db", PASSWORD: "s3cr3t $& ${X}" });
  expect(loaded.kind === "ok" && loaded.project.connections[0]?.settings).toEqual({
    file: "/srv/shop/data/a.db",
    password: "s3cr3t $& ${X}",
  });
  const empty = readProject("accord.yaml", text.replace("sqlite", "${PASSWORD}"), { A_FILE: "a.db", PASSWORD: "" }, connectors);
  expect(JSON.stringify(empty)).not.toContain("s3cr3t");
  const unknown = readProject("accord.yaml", text.replace("file:", "fiel:"), { A_FILE: "a.db", PASSWORD: "s3cr3t" }, connectors);
  expect(JSON.stringify(unknown)).not.toContain("s3cr3t");
});

test("the store and the installation have their defaults beside the file", () => {
  const loaded = readProject("/srv/My Shop/accord.yaml", f("x: { type: text, a: x, b: x }"), {});
  expect(loaded.kind === "ok" && [loaded.project.storePath, loaded.project.installation, loaded.project.region]).toEqual([
    "/srv/My Shop/.accord/accord.db",
    "my_shop",
    "US",
  ]);
  const named = readProject("/srv/shop/accord.yaml", top("store: ../data/accord.db\ninstallation: test_1"), {});
  expect(named.kind === "ok" && [named.project.storePath, named.project.installation]).toEqual(["/srv/data/accord.db", "test_1"]);
});

test("codes keep the zeros they are written with", () => {
  const loaded = readProject("accord.yaml", f("x: { type: text, a: { field: x, values: { a: 007, b: 1.50, c: 12 } }, b: x }"), {});
  expect(loaded.kind === "ok" && loaded.project.syncs[0]?.entry.fields["x"]?.sides["a"]?.values).toEqual({ a: "007", b: "1.50", c: "12" });
});

test("whatever is done to a file, it is read or answered in single lines, and nothing is thrown", () => {
  const pieces = fc.constantFrom(
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "'",
    '"',
    "&a ",
    "*a ",
    "\n",
    "  ",
    "x",
    "7",
    "- ",
    "policy",
    "null",
    "${A}",
    "|",
    "#",
    "!!set ",
    "<<: ",
    "\u0000",
  );
  const edit = fc.tuple(fc.nat(), fc.nat({ max: 12 }), pieces);
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), (edits) => {
      let text = PROJECT_EXAMPLE;
      for (const [at, removed, added] of edits) {
        const place = at % text.length;
        text = text.slice(0, place) + added + text.slice(place + removed);
      }
      for (const line of lines(readProject("accord.yaml", text, { CRM_FILE: "crm.db", ERP_URL: "x" }, connectors)))
        expect(line).toMatch(/^accord\.yaml:\d+:\d+: .+; .+$/);
    }),
    { numRuns: 150 },
  );
});
