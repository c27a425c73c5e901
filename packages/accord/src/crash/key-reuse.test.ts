import { DatabaseSync } from "node:sqlite";
import { createCommandLine } from "@accord/testkit";
import { expect, test } from "vitest";

const PROJECT = `version: 1
installation: reuse
connections:
  left: { connector: sqlite, file: left.db }
  right: { connector: sqlite, file: right.db }
syncs:
  things:
    sides:
      left: { object: thing }
      right: { object: thing }
    match: [[code]]
    deletes: { do: delete }
    guards: { deletes: 100 }
    fields:
      code: { type: text, left: code, right: code }
`;

/** Without AUTOINCREMENT SQLite gives the highest id again once its row is deleted. */
const TABLE = "PRAGMA journal_mode = WAL; CREATE TABLE thing (id INTEGER PRIMARY KEY, code TEXT);";

test(
  "[S34, S38] a create that is given the id of a record deleted unseen a moment ago is its entity's, and the deleted thing is deleted everywhere",
  { timeout: 60_000 },
  async () => {
    const line = createCommandLine();
    const [left, right] = ["left.db", "right.db"].map((file) => new DatabaseSync(line.path(file), { timeout: 1_000 }));
    if (left === undefined || right === undefined) throw new Error("two files were opened");
    try {
      left.exec(`${TABLE} INSERT INTO thing VALUES (1, 'kept'), (2, 'doomed')`);
      right.exec(TABLE);
      line.write("accord.yaml", PROJECT);
      expect((await line.run(["install"])).code).toBe(0);
      expect((await line.run(["apply", "--yes"])).code).toBe(0);
      const running = line.start(["run"]);
      await running.waitFor("Running");
      // A user's transaction is under way while Accord wants to create what another user made at the right.
      left.exec("BEGIN IMMEDIATE; DELETE FROM thing WHERE code = 'doomed'");
      right.exec("INSERT INTO thing (code) VALUES ('new')");
      const intent = new DatabaseSync(line.path(".accord/accord.db"), { readOnly: true, timeout: 1_000 });
      await until(() => intent.prepare("SELECT 1 FROM intent WHERE kind = 'create'").get() !== undefined);
      intent.close();
      left.exec("COMMIT");
      await until(() => codes(left) === "1 kept, 2 new" && codes(right).endsWith("kept, 3 new"));
      await until(() => !codes(right).includes("doomed"));
      expect(running.child.exitCode).toBe(null);
      running.child.kill("SIGTERM");
      expect((await running.ended).code).toBe(0);
      expect((await line.run(["verify"])).code).toBe(0);
    } finally {
      left.close();
      right.close();
      await line.remove();
    }
  },
);

function codes(database: DatabaseSync): string {
  return database
    .prepare("SELECT id, code FROM thing ORDER BY id")
    .all()
    .map(({ id, code }) => `${String(id)} ${String(code)}`)
    .join(", ");
}

async function until(isSo: () => boolean): Promise<void> {
  const endMs = performance.now() + 15_000;
  while (!isSo()) {
    if (performance.now() > endMs) throw new Error("it did not come to that within 15 s");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
