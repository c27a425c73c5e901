import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fakeHost, storeContract } from "@accord/testkit";
import { openSqliteStore, type SqliteStoreOptions } from "./store.ts";

function contract(name: string, options: Pick<SqliteStoreOptions, "overlayMax">): void {
  storeContract(name, async () => {
    const folder = mkdtempSync(join(tmpdir(), "accord-store-"));
    let seed = 0;
    return {
      open: async () => openSqliteStore({ path: join(folder, "accord.db"), ...fakeHost({ seed: (seed += 1) }), ...options }),
      remove: async () => {
        rmSync(folder, { recursive: true });
      },
    };
  });
}

contract("the SQLite store", {});
contract("the SQLite store that folds changes at once", { overlayMax: 0 });
contract("the SQLite store that folds changes now and then", { overlayMax: 2 });
