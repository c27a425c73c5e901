import { expect, test } from "vitest";
import { PROJECT_EXAMPLE } from "./example.ts";
import { readProject } from "./load-project.ts";
import type { LoadResult } from "./load-project.ts";
import { formatProblem } from "./problem.ts";

test("the example of the design loads, syncs parents first [S45]", () => {
  const loaded = readProject("accord.yaml", PROJECT_EXAMPLE, { CRM_FILE: "crm.db", ERP_URL: "postgres://erp" });
  expect(lines(loaded)).toEqual([]);
  if (loaded.kind === "ok") {
    expect(loaded.project.syncs.map(({ name }) => name)).toEqual(["companies", "customers"]);
    const customers = loaded.project.syncs[1];
    expect(customers?.entry.quiet).toBe(2000);
    expect(customers?.entry.guards).toEqual({ deletes: { kind: "share", share: 0.01 }, rewrites: { email: 0.05 } });
  }
});

function lines(result: LoadResult): readonly string[] {
  return result.kind === "ok" ? [] : result.problems.map(formatProblem);
}
