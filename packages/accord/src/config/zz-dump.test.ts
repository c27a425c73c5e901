import { test } from "vitest";
import { readProject } from "./load-project.ts";
import { formatProblem } from "./problem.ts";

const HEAD = `version: 1
connections: { a: { connector: sqlite, file: a.db }, b: { connector: postgres, url: postgres://b } }
syncs:
  things:
    sides: { a: { object: a }, b: { object: b } }
    fields:
`;
const f = (x: string, more = "") => `${HEAD}      ${x}\n${more}`;
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
    checkSettings: (settings: Readonly<Record<string, unknown>>) => (settings["file"] === undefined ? [{ key: "file", problem: "the path of the SQLite file is missing", remedy: "file: ./shop.db" }] : []),
  },
  { name: "postgres", checkSettings: () => [] },
];
const conn = (x: string) => f("x: { type: text, a: x, b: x }").replace("a: { connector: sqlite, file: a.db }", x);
const cases: Record<string, string> = {
  "an empty file": "",
  "a list": "- 1",
  "no YAML": "version: 1\nsyncs: { a: [",
  "a tab": "version: 1\nsyncs:\n\tthings: {}",
  "a key twice": "version: 1\nversion: 1",
  "no version": "connections: {}\nsyncs: {}",
  "another version": top("").replace("version: 1", "version: 2"),
  "a wrong top key": top("sincs: {}"),
  "an unknown top key": top("zebra: {}"),
  "a missing variable": conn("a: { connector: sqlite, file: ${A_FILE} }"),
  "a secret": conn("a: { connector: sqlite, file: ${secret:a} }"),
  "a variable in a field": f("x: { type: text, a: ${COLUMN}, b: x }"),
  "unknown connector": conn("a: { connector: sqlit, file: a.db }"),
  "no connector": conn("a: { file: a.db }"),
  "missing setting": conn("a: { connector: sqlite }"),
  installation: top("installation: My Shop"),
  region: top("region: Germany"),
  "reserved side": sides("{ from: { object: a }, b: { object: b } }"),
  "side with a dash": sides("{ a-b: { object: a }, b: { object: b } }"),
  "one side": sides("{ a: { object: a } }").replace(", b: x", ""),
  "side without object": sides("{ a: {}, b: { object: b } }"),
  "unknown connection": sides("{ a: { object: a, connection: aa }, b: { object: b } }"),
  "side named as no connection": sides("{ a: { object: a }, crm: { object: b } }").replace("b: x", "crm: x"),
  "same object twice": sides("{ a: { object: a }, b: { connection: a, object: a } }"),
  "misspelled side key": sides("{ a: { object: a, filtre: 'x' }, b: { object: b } }"),
  "filter no CEL": sides("{ a: { object: a, filter: 'x ==' }, b: { object: b } }"),
  "misspelled field key": f("x: { type: text, polcy: newest, a: x, b: x }"),
  "misspelled side in field": f("x: { type: text, a: x, bb: x }"),
  "no type": f("x: { a: x, b: x }"),
  "misspelled type": f("x: { type: txt, a: x, b: x }"),
  "type of unknown key": f("x: { type: { enun: [a] }, a: x, b: x }"),
  "enum empty": f("x: { type: { enum: [] }, a: x, b: x }"),
  "misspelled policy": f("x: { type: text, policy: newst, a: x, b: x }"),
  "policy number": f("x: { type: text, policy: 7, a: x, b: x }"),
  "policy key": f("x: { type: text, policy: { ownr: [a] }, a: x, b: x }"),
  "policy unknown side": f("x: { type: text, policy: { owner: [a, c] }, a: x, b: x }"),
  "blanks rule": f("x: { type: text, policy: { owner: [a], blanks: { a: ignor } }, a: x, b: x }"),
  "from unknown": f("x: { type: text, from: c, a: x, b: x }"),
  "from without column": f("x: { type: text, from: b, a: x }"),
  "category unknown": f("x: { type: text, category: contacts, a: x, b: x }", "    categories: { contact: { policy: review } }\n"),
  "field no side": f("x: { type: text }"),
  "field name": f("x-y: { type: text, a: x, b: x }"),
  "entry key": f("x: { type: text, a: { feild: x }, b: x }"),
  "entry no column": f("x: { type: text, a: { case: upper }, b: x }"),
  "put without get": f("x: { type: text, a: { put: { x: value } }, b: x }"),
  "put text without field": f("x: { type: text, a: { get: x, put: value }, b: x }"),
  "field and join": f("x: { type: text, a: { field: x, join: [p, q] }, b: x }"),
  "get and values": f("x: { type: text, a: { field: x, get: value, values: { a: b } }, b: x }"),
  "separator for text": f("x: { type: text, a: { field: x, separator: ';' }, b: x }"),
  "unit of text": f("x: { type: text, a: { field: x, scale: '0.01' }, b: x }"),
  "factor zero": f("x: { type: decimal, a: { field: x, scale: 0 }, b: x }"),
  "get no CEL": f("x: { type: text, a: { get: 'upper(' }, b: x }"),
  "group without parts": f("x: { type: group, a: x, b: x }"),
  "parts without group": f("x: { type: text, fields: { y: { type: text, a: x } }, b: x }"),
  "group lacking part": f("x: { type: group, fields: { y: { type: text, a: x, b: x }, z: { type: text, a: z } } }"),
  "split without group": f("x: { type: text, a: { split: full }, b: x }"),
  "unknown ref": f("x: { type: { ref: thingz }, a: x, b: x }"),
  cycle: f("x: { type: { ref: things }, a: x, b: x }"),
  "match unknown": s("match: [[y]]"),
  "match flat": s("match: [x]"),
  initial: s("initial: first"),
  deletes: s("deletes: { do: archve }"),
  guard: s("guards: { deletes: 1 percent }"),
  "guard over": s("guards: { deletes: 120% }"),
  "guard field": s("guards: { rewrites: { y: 5% } }"),
  quiet: s("quiet: 2"),
  "quiet unit": s("quiet: 2 seconds"),
  live: s("live: yes"),
  "ignore side": s("ignore: { c: [x] }"),
  "misspelled sync key": s("polciy: newest"),
  verified: s("policy: { owner: [a], verified: seen }"),
};
test("dump", () => {
  const out: string[] = [];
  for (const [name, text] of Object.entries(cases)) {
    const r = readProject("accord.yaml", text, {}, connectors);
    out.push(name + "\n" + (r.kind === "ok" ? "    OK" : r.problems.map((p) => "    " + formatProblem(p)).join("\n")));
  }
  console.log(out.join("\n"));
});
