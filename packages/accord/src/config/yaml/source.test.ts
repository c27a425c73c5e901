import { expect, test } from "vitest";
import { readYaml } from "./source.ts";
import type { YamlSource } from "./source.ts";

function sourceOf(text: string): YamlSource {
  const read = readYaml("a.yaml", text);
  if (read.kind === "faults") throw new Error(JSON.stringify(read.faults));
  return read.source;
}

const FILE = `top: 1 # a remark
syncs:
  first:
    a: "\${NAME}"
    # what b is for
    b:
      - 1
      - { c: 2 }

  second: { d: 3 }
last: 4
`;

test("what stands below a key is given without its indentation, comments and names of the environment as they are written", () => {
  expect(sourceOf(FILE).textOf(["syncs", "first"])).toBe('a: "${NAME}"\n# what b is for\nb:\n  - 1\n  - { c: 2 }');
  expect(sourceOf(FILE).textOf(["syncs", "second"])).toBe("{ d: 3 }");
  expect(sourceOf(FILE).textOf(["syncs", "third"])).toBeNull();
  expect(sourceOf(FILE).line(2)).toBe("syncs:");
});

test("put back where it stood, the file is as it was; elsewhere it takes the indentation of its place", () => {
  const source = sourceOf(FILE);
  for (const name of ["first", "second"]) expect(source.replaced(["syncs", name], source.textOf(["syncs", name]) ?? "")).toBe(FILE);
  const block = source.textOf(["syncs", "first"]) ?? "";
  const moved = sourceOf(source.replaced(["syncs", "second"], block) ?? "");
  expect(moved.value).toMatchObject({ syncs: { second: { b: [1, { c: 2 }] } }, last: 4 });
  expect(moved.textOf(["syncs", "second"])).toBe(block);
  const flow = sourceOf(source.replaced(["syncs", "first"], "{ d: 3 }") ?? "");
  expect(flow.value).toEqual({ top: 1, syncs: { first: { d: 3 }, second: { d: 3 } }, last: 4 });
});

test("what names other parts of the file, or is named there, is not given: it means nothing by itself", () => {
  const shared = sourceOf("a: &one { b: 1 }\nc: { d: *one }\ne: { f: 2 }\n");
  expect([["a"], ["c"], ["c", "d"], ["e"]].map((path) => shared.textOf(path))).toEqual([null, null, null, "{ f: 2 }"]);
  expect(shared.replaced(["c"], "{ d: 1 }")).toBeNull();
});
