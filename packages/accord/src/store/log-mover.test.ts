import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fakeHost } from "@accord/testkit";
import { expect, test } from "vitest";
import { openSqliteStore } from "./store.ts";

const call = { signal: new AbortController().signal };

test("[S6] the log is moved into the file while commits go on, and what was committed is there after a new start", async () => {
  const folder = mkdtempSync(join(tmpdir(), "accord-log-"));
  const path = join(folder, "accord.db");
  const store = await openSqliteStore({ path, ...fakeHost() });
  const sides = ["crm", "erp"].map((connection) => ({ connection, object: "o", keyOrder: "integer", columns: ["a"] }) as const);
  const { id: sync } = await store.openSync("s", { digest: "d", body: "{}", sides, fields: ["f"], matchRules: 1 }, call);
  const before = statSync(path).size;
  let commits = 0;
  const isMoved = (): boolean => statSync(path).size > before + 100_000;
  const untilMs = Date.now() + 20_000;
  while (!isMoved() && Date.now() < untilMs) {
    const mark = {
      sync,
      side: 0,
      record: String(commits),
      kind: "image",
      image: "x".repeat(2_000),
      position: null,
      renamedFrom: null,
    } as const;
    await store.commitPull({ marks: [{ ...mark, fromMs: 1, toMs: 1, keys: null, notBeforeMs: 0 }], cursor: null, listing: null }, call);
    commits += 1;
    // The thread that moves it needs a moment now and then.
    if (commits % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(isMoved()).toBe(true);
  await store.close();
  const again = await openSqliteStore({ path, ...fakeHost() });
  expect(await again.countMarks(call)).toBe(commits);
  await again.close();
  rmSync(folder, { recursive: true });
});
