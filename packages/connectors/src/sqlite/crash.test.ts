import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { realHost } from "@accord/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import { sqliteConnector } from "./connector.ts";

const options = { signal: new AbortController().signal };
const connectorUrl = new URL("./connector.ts", import.meta.url).href;

let folder: string;
let file: string;
let user: DatabaseSync;
let stopChild: () => void = () => undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "accord-sqlite-"));
  file = join(folder, "shop.db");
  user = new DatabaseSync(file, { timeout: 10_000 });
});

afterEach(() => {
  stopChild();
  user.close();
  rmSync(folder, { recursive: true });
});

const connect = () => sqliteConnector.connect({ file }, { ...realHost(), name: "shop", installation: "test" });

/** Runs a program in a process of its own; resolves when it has ended, with the lines it wrote. */
function run(program: string, killAfterLines = Infinity): Promise<readonly string[]> {
  const started = spawn(process.execPath, ["--conditions=@accord/source", "--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  stopChild = () => {
    started.kill("SIGKILL");
  };
  let text = "";
  started.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
    if (text.split("\n").length > killAfterLines) started.kill("SIGKILL");
  });
  return new Promise((resolve) => {
    started.on("close", () => resolve(text.split("\n").slice(0, -1)));
  });
}

/** Writes batches of 200 updates and 50 creates for ever; tells before each write what it intends, and afterwards that it was applied. */
const writer = (round: number): string => `
  import { writeSync } from "node:fs";
  import { sqliteConnector } from ${JSON.stringify(connectorUrl)};
  const clock = { nowMs: () => Date.now(), sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)) };
  const connection = sqliteConnector.connect({ file: ${JSON.stringify(file)} }, { clock, random: { hex: () => "00" }, log: {}, name: "shop", installation: "test" });
  const options = { signal: new AbortController().signal, mark: { storeId: "store", generation: 1 } };
  const object = await connection.open("t", ["c", "made_by"], options);
  for (let batch = 0; ; batch += 1) {
    const operations = [];
    for (let index = 1; index <= 200; index += 1) operations.push({ kind: "update", intent: "${round}-" + batch + "-u" + index, entity: index, record: String(index), set: [{ column: 0, cell: "${round}-" + batch }], expect: [] });
    for (let index = 1; index <= 50; index += 1) operations.push({ kind: "create", intent: "${round}-" + batch + "-c" + index, entity: 1000000 * (${round} + 1) + batch * 50 + index, set: "\\\\U\\t${round}-" + batch + "-c" + index });
    writeSync(1, "intends ${round}-" + batch + "\\n");
    const outcomes = await object.write(operations, options);
    if (outcomes.some(({ kind }) => kind !== "applied")) throw new Error(JSON.stringify(outcomes.find(({ kind }) => kind !== "applied")));
    writeSync(1, "applied ${round}-" + batch + "\\n");
  }`;

test.each(["wal", "delete"])(
  "[S31, S32] killed in the middle of writing, journal mode %s: the proof rows tell exactly what landed",
  async (journalMode) => {
    user.exec(`PRAGMA journal_mode = ${journalMode}; CREATE TABLE t (id INTEGER PRIMARY KEY, c TEXT, made_by TEXT)`);
    user.exec("WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 200) INSERT INTO t (id) SELECT i FROM n");
    const installer = connect();
    await installer.install(["t"], "do", options);
    await installer.close();
    for (let round = 0; round < 3; round += 1) {
      const lines = await run(writer(round), 4 + round * 3);
      const intended = lines.filter((line) => line.startsWith("intends ")).map((line) => line.slice(8));
      const applied = lines.filter((line) => line.startsWith("applied ")).map((line) => line.slice(8));
      expect(applied.length).toBeGreaterThan(0);
      const connection = connect();
      const object = await connection.open("t", ["c", "made_by"], options);
      for (const batch of intended) {
        const intents = Array.from({ length: 50 }, (_, index) => `${batch}-c${index + 1}`);
        const proofs = await object.findProofs(intents, options);
        const rows = user.prepare("SELECT id, made_by FROM t WHERE made_by LIKE ? || '-c%'").all(batch);
        expect(rows.map((row) => String(row["made_by"])).toSorted()).toEqual([...proofs.keys()].toSorted());
        for (const row of rows) expect(proofs.get(String(row["made_by"]))).toBe(String(row["id"]));
        expect([0, 50]).toContain(rows.length);
        if (applied.includes(batch)) expect(rows).toHaveLength(50);
      }
      const updated = user
        .prepare("SELECT DISTINCT c FROM t WHERE id <= 200")
        .all()
        .map((row) => String(row["c"]));
      expect(updated).toHaveLength(1);
      const latest = Array.from({ length: 200 }, (_, index) => `${updated[0] ?? ""}-u${index + 1}`);
      expect((await object.findProofs(latest, options)).size).toBe(200);
      await connection.close();
    }
    expect(user.prepare("PRAGMA integrity_check").get()).toMatchObject({ integrity_check: "ok" });
  },
);

test.each(["wal", "delete"])(
  "[I2, I10] beside a busy program, journal mode %s: no write of either is lost and every change is seen",
  async (journalMode) => {
    user.exec(
      `PRAGMA journal_mode = ${journalMode}; CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER NOT NULL); INSERT INTO t VALUES (1, 0), (2, 0)`,
    );
    const connection = connect();
    await connection.install(["t"], "do", options);
    const object = await connection.open("t", ["n"], options);
    const feed = await connection.follow([object], await connection.currentCursor(options), options);
    const other = { ended: false };
    const others = run(`
    import { DatabaseSync } from "node:sqlite";
    const database = new DatabaseSync(${JSON.stringify(file)}, { timeout: 10000 });
    database.exec("PRAGMA synchronous = OFF");
    for (let index = 0; index < 400; index += 1) database.exec("BEGIN IMMEDIATE; UPDATE t SET n = n + 1; INSERT INTO t (n) VALUES (7); COMMIT");
    console.log("done");`).then((lines) => {
      other.ended = true;
      expect(lines).toEqual(["done"]);
    });
    let ours = 0;
    const seen = new Set<string>();
    const look = async (): Promise<number> => {
      const { changes, cursor } = await feed.next({ ...options, waitMs: 1, changesMax: 50 });
      for (const { record } of changes) seen.add(record);
      feed.acknowledge(cursor);
      return changes.length;
    };
    for (let round = 0; !other.ended; round += 1) {
      const { images } = await object.read(["1"], options);
      const [outcome] = await object.write(
        [
          {
            kind: "update",
            intent: `i${round}`,
            entity: 1,
            record: "1",
            set: [{ column: 0, cell: String(Number(images[0]) + 1) }],
            expect: [{ column: 0, cell: images[0] ?? "" }],
          },
        ],
        { ...options, mark: { storeId: "store", generation: 1 } },
      );
      expect(["applied", "changed", "notSent"]).toContain(outcome?.kind);
      if (outcome?.kind === "applied") ours += 1;
      await look();
    }
    await others;
    while ((await look()) > 0);
    expect(ours).toBeGreaterThan(0);
    expect((await object.read(["1", "2"], options)).images).toEqual([String(400 + ours), "400"]);
    expect(seen.size).toBe(402);
    await feed.close();
    await connection.close();
  },
);
