import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createPlantedCopy, runChecker, type PlantedCopy } from "./planted-copy.ts";

/** What core and engine may not reach for, each in its plainest use. */
const refused: Readonly<Record<string, string>> = {
  Date: "export const planted: unknown = new Date(0);",
  "Math.random": "export const planted: unknown = Math.random();",
  setTimeout: "export const planted: unknown = setTimeout(() => undefined, 1);",
  setInterval: "export const planted: unknown = setInterval(() => undefined, 1);",
  "AbortSignal.timeout": "export const planted: unknown = AbortSignal.timeout(1);",
  fetch: `export const planted: unknown = fetch("https://example.test");`,
  performance: "export const planted: unknown = performance.now();",
  process: "export const planted: unknown = process.pid;",
  crypto: "export const planted: unknown = crypto.randomUUID();",
  globalThis: "export const planted: unknown = globalThis;",
};

/** What only a linter that reads the types can see, in a source file and in a test. */
const floating =
  "async function work(): Promise<void> {\n  await Promise.resolve();\n}\n\nexport function planted(): void {\n  work();\n}\n";

const pathOf = (folder: string, name: string): string => `packages/${folder}/src/planted/${name.replaceAll(".", "-").toLowerCase()}.ts`;
const cases = ["core", "engine"].flatMap((folder) => Object.keys(refused).map((name) => ({ folder, name, path: pathOf(folder, name) })));

interface LintReport {
  readonly diagnostics: readonly { readonly code: string; readonly filename: string }[];
}

describe("what core and engine may not reach for", () => {
  let copy: PlantedCopy;
  let report: LintReport;
  let status: number;

  beforeAll(async () => {
    const files = Object.fromEntries(cases.map(({ name, path }) => [path, `${refused[name] ?? ""}\n`]));
    copy = await createPlantedCopy({
      ...files,
      "packages/core/src/value/instant.ts": "export const planted: unknown = new Date(0);\n",
      "packages/accord/src/daemon/planted.ts": "export const planted: unknown = new Date(0);\n",
      "packages/engine/src/planted/floating.ts": floating,
      "packages/engine/src/planted/floating.test.ts": floating,
    });
    const result = await runChecker(copy, "oxlint/bin/oxlint", ["--format", "json"]);
    // The shape is oxlint's own; a report of another shape fails the expectations below.
    report = JSON.parse(result.output) as LintReport;
    status = result.status;
  });
  afterAll(() => copy.remove());

  const codesAt = (path: string): readonly string[] =>
    report.diagnostics.filter((diagnostic) => diagnostic.filename === path).map((diagnostic) => diagnostic.code);

  test.each(cases)("$folder is refused $name", ({ path }) => {
    expect(codesAt(path).some((code) => /no-restricted-(globals|properties)/.test(code))).toBe(true);
  });

  test("instants are made of dates in one file of core, and outside core and engine freely", () => {
    expect(codesAt("packages/core/src/value/instant.ts")).toEqual([]);
    expect(codesAt("packages/accord/src/daemon/planted.ts")).toEqual([]);
  });

  test("the types are read, in sources and in tests", () => {
    expect(codesAt("packages/engine/src/planted/floating.ts").join()).toContain("no-floating-promises");
    expect(codesAt("packages/engine/src/planted/floating.test.ts").join()).toContain("no-floating-promises");
  });

  test("a violation fails the check", () => {
    expect(status).toBeGreaterThan(0);
  });
});
