import { defineConfig } from "vitest/config";

/** Our own packages are read from their sources; nothing has to be built before the tests. */
const conditions = ["@accord/source", "module", "node", "development|production"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: ["@accord/source", "node", "module-sync"] } },
  test: {
    include: ["packages/*/src/**/*.test.ts", "scripts/**/*.test.ts"],
    pool: "forks",
    // CI has two cores; a third worker only makes the slow tests slower.
    maxWorkers: 2,
    // A test that starts a database waits for initdb on a busy machine.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    teardownTimeout: 20_000,
  },
});
