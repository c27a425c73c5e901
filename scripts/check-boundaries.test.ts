import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createPlantedCopy, listSourceFiles, runChecker, type CheckerResult, type PlantedCopy } from "./planted-copy.ts";

/** One forbidden import per rule: the file that breaks it, and what that file imports. */
const planted: Readonly<Record<string, readonly [path: string, importing: string]>> = {
  "no-cycles": ["packages/quality/src/planted/cycle-a.ts", "./cycle-b.ts"],
  unresolvable: ["packages/quality/src/planted/nowhere.ts", "./does-not-exist.ts"],
  "core-is-alone": ["packages/core/src/planted/reads-files.ts", "node:fs"],
  "engine-on-core": ["packages/engine/src/planted/knows-a-system.ts", "@accord/connectors/sqlite"],
  "connectors-on-ports": ["packages/connectors/src/planted/runs-the-engine.ts", "@accord/engine"],
  "connectors-are-islands": ["packages/connectors/src/sqlite/planted.ts", "../postgres/index.ts"],
  "quality-on-matcher": ["packages/quality/src/planted/runs-the-engine.ts", "@accord/engine"],
  "sandbox-stands-alone": ["packages/sandbox/src/planted/shares-values.ts", "@accord/core"],
  "sandbox-in-demo": ["packages/accord/src/config/planted.ts", "@accord/sandbox/postgres"],
  "web-on-contract": ["packages/web/src/planted.ts", "../../accord/src/api/planted-other.ts"],
  "store-is-a-leaf": ["packages/accord/src/store/planted.ts", "../cli/planted-leaf.ts"],
  "daemon-has-no-face": ["packages/accord/src/daemon/planted.ts", "../cli/planted-leaf.ts"],
  "cli-not-store": ["packages/accord/src/cli/planted.ts", "../store/planted-leaf.ts"],
  "testkit-in-tests": ["packages/accord/src/daemon/planted-fake.ts", "@accord/testkit"],
  "testkit-below-accord": ["packages/testkit/src/planted.ts", "../../accord/src/cli/planted-leaf.ts"],
  "tests-are-leaves": ["packages/quality/src/planted/borrows.ts", "./leaf.test.ts"],
  "public-entry-only": ["packages/quality/src/planted/back-door.ts", "../../../core/src/planted/leaf.ts"],
  "declared-dependencies": ["packages/quality/src/planted/undeclared.ts", "yaml"],
};

/** What the planted files import, where the tree has nothing to offer. */
const leaves: Readonly<Record<string, string>> = {
  "packages/quality/src/planted/cycle-b.ts": `import "./cycle-a.ts";\n`,
  "packages/quality/src/planted/leaf.test.ts": "export const leaf = 1;\n",
  "packages/core/src/planted/leaf.ts": "export const leaf = 1;\n",
  "packages/accord/src/api/planted-other.ts": "export const leaf = 1;\n",
  "packages/accord/src/cli/planted-leaf.ts": "export const leaf = 1;\n",
  "packages/accord/src/store/planted-leaf.ts": "export const leaf = 1;\n",
};

interface CruiseReport {
  readonly modules: readonly { readonly source: string }[];
  readonly summary: {
    readonly violations: readonly { readonly from: string; readonly rule: { readonly name: string } }[];
    readonly ruleSetUsed: { readonly forbidden: readonly { readonly name: string }[] };
  };
}

describe("the import directions", () => {
  let copy: PlantedCopy;
  let report: CruiseReport;

  beforeAll(async () => {
    const breaking = Object.values(planted).map(([path, importing]) => [path, `import "${importing}";\n`]);
    copy = await createPlantedCopy({ ...leaves, ...Object.fromEntries(breaking) });
    const result = await cruise(["--output-type", "json"]);
    // The shape is dependency-cruiser's own; a report of another shape fails the expectations below.
    report = JSON.parse(result.output) as CruiseReport;
  });
  afterAll(() => copy.remove());

  const cruise = (options: readonly string[]): Promise<CheckerResult> =>
    runChecker(copy, "dependency-cruiser/bin/dependency-cruiser.mjs", ["--config", ".dependency-cruiser.mjs", ...options, "packages"]);

  test("every rule has a planted violation", () => {
    expect(report.summary.ruleSetUsed.forbidden.map((rule) => rule.name).toSorted()).toEqual(Object.keys(planted).toSorted());
  });

  test.each(Object.entries(planted))("%s is caught", (rule, [path]) => {
    expect(report.summary.violations.filter((violation) => violation.from === path).map((violation) => violation.rule.name)).toContain(
      rule,
    );
  });

  test("a violation fails the check", async () => {
    expect((await cruise([])).status).toBeGreaterThan(0);
  });

  test("every source file is visited", async () => {
    const visited = report.modules.map((module) => module.source).filter((source) => /^packages\/.*\.tsx?$/.test(source));
    expect(visited.toSorted()).toEqual(await listSourceFiles(copy));
  });
});
