import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fakeHost, storeContract } from "@accord/testkit";
import { openSqliteStore } from "./store.ts";

storeContract("the SQLite store", async () => {
  const folder = mkdtempSync(join(tmpdir(), "accord-store-"));
  let seed = 0;
  return {
    open: async () => openSqliteStore({ path: join(folder, "accord.db"), ...fakeHost({ seed: (seed += 1) }) }),
    remove: async () => {
      rmSync(folder, { recursive: true });
    },
  };
});
