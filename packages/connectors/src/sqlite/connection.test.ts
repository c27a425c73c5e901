import { copyFileSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { writeImage } from "@accord/core";
import type { Change, Connection, Feed, OpenObject, WriteOperation, WriteOutcome } from "@accord/engine/connector";
import { realHost } from "@accord/testkit";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { sqliteConnector } from "./connector.ts";

const options = { signal: new AbortController().signal };
const mark = { storeId: "store", generation: 1 };

let folder: string;
let file: string;
let user: DatabaseSync;
let connection: Connection;
let random: number;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "accord-sqlite-"));
  file = join(folder, "shop.db");
  user = new DatabaseSync(file);
  random = 0;
  connection = connect();
});

afterEach(async () => {
  await connection.close();
  if (user.isOpen) user.close();
  rmSync(folder, { recursive: true });
});

function connect(settings: Readonly<Record<string, unknown>> = {}): Connection {
  random += 1;
  return sqliteConnector.connect({ file, ...settings }, { ...realHost({ seed: random }), name: "shop", installation: "test" });
}

async function write(object: OpenObject, ...operations: readonly Unsigned[]): Promise<readonly WriteOutcome[]> {
  return object.write(
    operations.map((operation, index): WriteOperation => ({ intent: `intent-${index}`, entity: index + 1, ...operation })),
    { ...options, mark },
  );
}

type Unsigned = WriteOperation extends infer Each
  ? Each extends WriteOperation
    ? Omit<Each, "intent" | "entity"> & { readonly entity?: number }
    : never
  : never;

async function drain(feed: Feed): Promise<readonly Change[]> {
  const changes: Change[] = [];
  for (;;) {
    const batch = await feed.next({ ...options, waitMs: 0, changesMax: 100 });
    if (batch.changes.length === 0) return changes;
    changes.push(...batch.changes);
  }
}

function words(changes: readonly Change[]): readonly string[] {
  return changes.map(({ record, change }) => `${change.kind} ${record}`);
}

async function listed(object: OpenObject, pageSize = 3): Promise<readonly string[]> {
  const ids: string[] = [];
  for await (const page of object.list(null, { ...options, pageSize })) ids.push(...page.ids);
  return ids;
}

function setting(record: string, cell: string | null, column = 0, expected?: string): Unsigned {
  return { kind: "update", record, set: [{ column, cell }], expect: expected === undefined ? [] : [{ column, cell: expected }] };
}

function creating(cell: string): Unsigned {
  return { kind: "create", set: writeImage([cell]) };
}

function native(): unknown {
  return user.prepare("SELECT id, typeof(c), quote(c), hex(CAST(c AS BLOB)) FROM t ORDER BY id").all();
}

/** Follows one change and acknowledges it, as the engine does once it is durable. */
async function followOne(): Promise<string> {
  const object = await connection.open("t", ["c"], options);
  let cursor = await connection.currentCursor(options);
  for (let round = 0; round < 2; round += 1) {
    const feed = await connection.follow([object], cursor, options);
    user.exec("UPDATE t SET c = c || 'x'");
    ({ cursor } = await feed.next({ ...options, waitMs: 1000, changesMax: 10 }));
    feed.acknowledge(cursor);
    await feed.close();
  }
  return cursor;
}

describe("discovery", () => {
  test("tables, keys, uniques, references, generated and defaulted columns are what the file says", async () => {
    user.exec(`
      CREATE TABLE company (code TEXT PRIMARY KEY NOT NULL, name TEXT NOT NULL DEFAULT 'x') WITHOUT ROWID;
      CREATE TABLE contact (id INTEGER PRIMARY KEY, email TEXT UNIQUE, company REFERENCES company, first, both TEXT GENERATED ALWAYS AS (first || email) STORED, kind INT);
      CREATE UNIQUE INDEX by_kind ON contact (kind, company);
      CREATE UNIQUE INDEX some ON contact (first) WHERE kind = 1;
      CREATE TABLE log (at TEXT);
      CREATE TABLE strict_one (a INT, b ANY, PRIMARY KEY (a)) STRICT;
      CREATE VIEW seen AS SELECT * FROM contact;
      CREATE VIRTUAL TABLE search USING fts5(body);
    `);
    const schemas = new Map((await connection.discover(options)).map((schema) => [schema.name, schema]));
    expect([...schemas.keys()]).toEqual(["company", "contact", "log", "search", "seen", "strict_one"]);
    const contact = schemas.get("contact");
    expect(contact).toMatchObject({ key: ["id"], keyOrder: "integer", keyProblem: null });
    expect(contact?.uniques).toEqual(expect.arrayContaining([["kind", "company"], ["email"]]));
    expect(contact?.uniques).toHaveLength(2);
    expect(contact?.references).toEqual([{ columns: ["company"], object: "company", objectColumns: ["code"] }]);
    expect(contact?.columns.map(({ name, writable, hasDefault, nullable }) => [name, writable, hasDefault, nullable])).toEqual([
      ["id", true, true, false],
      ["email", true, false, true],
      ["company", true, false, true],
      ["first", true, false, true],
      ["both", false, true, true],
      ["kind", true, false, true],
    ]);
    expect(schemas.get("company")).toMatchObject({ key: ["code"], keyOrder: "bytes" });
    expect(schemas.get("strict_one")).toMatchObject({ key: ["a"], keyOrder: "integer" });
    for (const name of ["log", "seen", "search"]) expect(schemas.get(name)?.keyProblem, name).toMatch(/primary key/);
  });

  test("a declared type in the settings says what a column means", async () => {
    user.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, paid_at TEXT)");
    const typed = connect({ types: { "t.paid_at": "TIMESTAMPTZ" } });
    expect((await typed.discover(options))[0]?.columns[1]?.codec?.typeName).toBe("instant");
    await typed.close();
  });
});

describe("mixed storage classes", () => {
  const odd = [
    "5",
    "5.0",
    "'5'",
    "x'35'",
    "-0.0",
    "9e999",
    "-9e999",
    "9223372036854775807",
    "1e300",
    "'a' || char(0) || 'b'",
    "CAST(x'41ff42' AS TEXT)",
    "char(65533)",
    "''",
    "x''",
    "'~i5'",
    "NULL",
  ];

  test("[S3, I12] every class of cell is read apart, expected exactly, and restored exactly from its image", async () => {
    user.exec(`CREATE TABLE t (id INTEGER PRIMARY KEY, c); INSERT INTO t (c) VALUES ${odd.map((value) => `(${value})`).join(", ")}`);
    await connection.install(["t"], "do", options);
    const object = await connection.open("t", ["c"], options);
    const ids = odd.map((_, index) => String(index + 1));
    const { images } = await object.read(ids, options);
    expect(new Set(images).size).toBe(odd.length);
    const before = native();
    const cells = images.map((image) => (image === "\\N" ? null : (image ?? "").replaceAll("\\\\", "\\")));
    for (const [index, record] of ids.entries()) {
      const others = cells.filter((_, other) => other !== index);
      for (const other of others) {
        const [outcome] = await write(object, {
          kind: "update",
          record,
          set: [{ column: 0, cell: "wrong" }],
          expect: [{ column: 0, cell: other }],
        });
        expect(outcome?.kind).toBe("changed");
      }
      const [gone] = await write(object, {
        kind: "update",
        record,
        set: [{ column: 0, cell: "gone" }],
        expect: [{ column: 0, cell: cells[index] }],
      });
      expect(gone).toMatchObject({ kind: "applied", image: "gone" });
      const [back] = await write(object, {
        kind: "update",
        record,
        set: [{ column: 0, cell: cells[index] }],
        expect: [{ column: 0, cell: "gone" }],
      });
      expect(back).toMatchObject({ kind: "applied", image: images[index] });
    }
    expect(native()).toEqual(before);
  });

  test("[S26] compare-and-set is by bytes where the column compares without case", async () => {
    user.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE); INSERT INTO t VALUES (1, 'Ada')");
    const object = await connection.open("t", ["name"], options);
    expect((await write(object, setting("1", "Eve", 0, "ADA")))[0]?.kind).toBe("changed");
    expect((await write(object, setting("1", "Eve", 0, "Ada")))[0]?.kind).toBe("applied");
  });

  test("keys of any class are listed by the bytes of their ids, resumed after any, read and followed", async () => {
    user.exec(
      `CREATE TABLE t (k PRIMARY KEY COLLATE NOCASE, c) WITHOUT ROWID; INSERT INTO t SELECT value, 1 FROM json_each('["b","A","~x","a\\tb",10,9,2.5,"é","😀"]'); INSERT INTO t VALUES (x'00ff', 1)`,
    );
    await connection.install(["t"], "do", options);
    const object = await connection.open("t", ["k", "c"], options);
    const ids = await listed(object);
    expect(ids).toHaveLength(10);
    expect(ids).toEqual(ids.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
    for (const [index, id] of ids.entries()) {
      const rest: string[] = [];
      for await (const page of object.list(id, { ...options, pageSize: 2 })) rest.push(...page.ids);
      expect(rest).toEqual(ids.slice(index + 1));
    }
    expect((await object.read(ids, options)).images).not.toContain(null);
    expect((await object.read(["a", "B", "~r10.0"], options)).images).toEqual([null, null, null]);
    const feed = await connection.follow([object], await connection.currentCursor(options), options);
    user.exec("UPDATE t SET c = 2");
    expect((await drain(feed)).map(({ record }) => record).toSorted()).toEqual(ids.toSorted());
    user.exec("UPDATE t SET k = 'a' WHERE k = 'A'");
    expect(words(await drain(feed))).toEqual(["renamed a", "touched a"]);
    await feed.close();
  });

  test("a text key that holds blobs too is still listed in the order of its ids", async () => {
    user.exec("CREATE TABLE t (k TEXT PRIMARY KEY NOT NULL); INSERT INTO t VALUES ('a'), ('~~'), (x'ff'), ('zz'), (CAST(x'ff' AS TEXT))");
    const object = await connection.open("t", ["k"], options);
    expect(await listed(object, 1)).toEqual(["a", "zz", "~bff", "~t~~"]);
  });

  test("keys that are no UTF-8 are left out, however many there are, and end no listing", async () => {
    user.exec(
      "CREATE TABLE t (k TEXT PRIMARY KEY NOT NULL); INSERT INTO t VALUES (CAST(x'61fe' AS TEXT)), (CAST(x'61ff' AS TEXT)), ('a'), ('b'), ('a' || char(65533))",
    );
    const object = await connection.open("t", ["k"], options);
    expect(await listed(object, 1)).toEqual(["a", "a\uFFFD", "b"]);
  });
});

describe("capture", () => {
  test("[I10] what REPLACE, cascades and other triggers change is seen", async () => {
    user.exec(`
      PRAGMA foreign_keys = ON;
      CREATE TABLE parent (id INTEGER PRIMARY KEY, email TEXT UNIQUE, seen INT);
      CREATE TABLE child (a INT NOT NULL, b TEXT NOT NULL, parent INTEGER REFERENCES parent ON DELETE CASCADE, PRIMARY KEY (a, b));
      CREATE TRIGGER counts AFTER INSERT ON child BEGIN UPDATE parent SET seen = 1 WHERE id = NEW.parent; END;
      INSERT INTO parent (id, email) VALUES (1, 'a'), (2, 'b');
    `);
    await connection.install(["parent", "child"], "do", options);
    const objects = [await connection.open("parent", ["email"], options), await connection.open("child", ["a"], options)];
    const feed = await connection.follow(objects, await connection.currentCursor(options), options);
    user.exec("REPLACE INTO parent (id, email) VALUES (3, 'a')");
    expect(words(await drain(feed))).toEqual(["touched 1", "touched 3"]);
    user.exec("INSERT INTO child VALUES (7, 'x\ty', 2)");
    expect(words(await drain(feed))).toEqual(expect.arrayContaining(["touched 7\tx\\ty", "touched 2"]));
    user.exec("UPDATE OR REPLACE parent SET email = 'a' WHERE id = 2");
    expect(words(await drain(feed))).toEqual(expect.arrayContaining(["touched 3", "touched 2"]));
    user.exec("DELETE FROM parent");
    expect(words(await drain(feed))).toEqual(expect.arrayContaining(["deleted 2", "deleted 7\tx\\ty"]));
    await feed.close();
  });

  test("[S34] a row number that is used again is a delete and a new record, and swapped keys are renames", async () => {
    user.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, c); INSERT INTO t VALUES (1, 'a'), (2, 'b')");
    await connection.install(["t"], "do", options);
    const object = await connection.open("t", ["c"], options);
    const feed = await connection.follow([object], await connection.currentCursor(options), options);
    user.exec("DELETE FROM t WHERE id = 2; INSERT INTO t (c) VALUES ('new')");
    expect(words(await drain(feed))).toEqual(["deleted 2", "touched 2"]);
    user.exec("UPDATE t SET id = -1 WHERE id = 1; UPDATE t SET rowid = 1 WHERE id = 2; UPDATE t SET id = 2 WHERE id = -1");
    expect(words(await drain(feed)).filter((word) => word.startsWith("renamed"))).toEqual(["renamed -1", "renamed 1", "renamed 2"]);
    await feed.close();
  });

  test("[S57] a hint tells its position, and the reading, listing or write that includes it covers it", async () => {
    user.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, c); INSERT INTO t VALUES (1, 'a')");
    await connection.install(["t"], "do", options);
    const object = await connection.open("t", ["c"], options);
    const feed = await connection.follow([object], await connection.currentCursor(options), options);
    const [outcome] = await write(object, { kind: "update", record: "1", set: [{ column: 0, cell: "b" }], expect: [] });
    user.exec("UPDATE t SET c = 'c'");
    const { position } = await object.read(["1"], options);
    const known = outcome?.kind === "applied" ? (outcome.position ?? "") : "";
    const [hint] = await drain(feed);
    const change = hint?.change.kind === "touched" ? (hint.change.position ?? "") : "";
    expect([object.covers(known, change), object.covers(position, change)]).toEqual([false, true]);
    await write(object, { kind: "update", record: "1", set: [{ column: 0, cell: "d" }], expect: [] });
    const [echo] = await drain(feed);
    expect(
      object.covers((await object.read(["1"], options)).position, echo?.change.kind === "touched" ? (echo.change.position ?? "") : ""),
    ).toBe(true);
    await feed.close();
  });

  test("[I10] a migration that rebuilds the table stops the feed, and installing again expires the cursor", async () => {
    user.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, c)");
    await connection.install(["t"], "do", options);
    const object = await connection.open("t", ["c"], options);
    const cursor = await connection.currentCursor(options);
    const feed = await connection.follow([object], cursor, options);
    user.exec(
      "CREATE TABLE new (id INTEGER PRIMARY KEY, c, d); INSERT INTO new (id, c) SELECT * FROM t; DROP TABLE t; ALTER TABLE new RENAME TO t; INSERT INTO t VALUES (1, 'missed', 0)",
    );
    await expect(feed.next({ ...options, waitMs: 1000, changesMax: 10 })).rejects.toMatchObject({
      code: "ACCORD_NOT_INSTALLED",
      remedy: "stop",
    });
    await feed.close();
    const steps = await connection.install(["t"], "do", options);
    expect(steps.filter(({ state }) => state === "done").length).toBeGreaterThan(0);
    await expect(connection.follow([object], cursor, options)).rejects.toMatchObject({ code: "ACCORD_CURSOR_EXPIRED" });
    const again = await connection.follow([object], await connection.currentCursor(options), options);
    await again.close();
  });
});

describe("the source's epoch", () => {
  beforeEach(async () => {
    user.exec("PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER PRIMARY KEY, c); INSERT INTO t VALUES (1, 'a')");
    const before = await connection.epoch(options);
    await connection.install(["t"], "do", options);
    expect(await connection.epoch(options)).toBe(before);
  });

  test.each([
    ["as it was", 0],
    ["and edited since", 5],
  ])("[S12] a file restored from a backup is noticed, %s, and its epoch is another", async (_, edits) => {
    user.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    copyFileSync(file, `${file}.backup`);
    const epoch = await connection.epoch(options);
    const cursor = await followOne();
    user.close();
    await connection.close();
    for (const end of ["-wal", "-shm"]) rmSync(file + end, { force: true });
    renameSync(`${file}.backup`, file);
    user = new DatabaseSync(file);
    for (let edit = 0; edit < edits; edit += 1) user.exec("UPDATE t SET c = c || 'y'");
    connection = connect();
    const object = await connection.open("t", ["c"], options);
    await expect(connection.follow([object], cursor, options)).rejects.toMatchObject({ code: "ACCORD_CURSOR_EXPIRED", remedy: "reread" });
    expect(await connection.epoch(options)).not.toBe(epoch);
  });

  test("[S58] a cursor of a restored store has expired, which is not another source", async () => {
    const epoch = await connection.epoch(options);
    const old = await connection.currentCursor(options);
    await followOne();
    const object = await connection.open("t", ["c"], options);
    await expect(connection.follow([object], old, options)).rejects.toMatchObject({ code: "ACCORD_CURSOR_EXPIRED" });
    expect(await connection.epoch(options)).toBe(epoch);
  });

  test("[S12] a file that is put in the place of the open one is never written through the old handle", async () => {
    const object = await connection.open("t", ["c"], options);
    const feed = await connection.follow([object], await connection.currentCursor(options), options);
    user.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    user.close();
    copyFileSync(file, `${file}.other`);
    for (const end of ["-wal", "-shm"]) rmSync(file + end, { force: true });
    renameSync(`${file}.other`, file);
    await expect(feed.next({ ...options, waitMs: 500, changesMax: 1 })).rejects.toMatchObject({
      code: "ACCORD_UNREACHABLE",
      remedy: "retry",
    });
    await feed.close();
    expect((await write(object, { kind: "update", record: "1", set: [{ column: 0, cell: "b" }], expect: [] }))[0]?.kind).toBe("applied");
    user = new DatabaseSync(file);
    expect(user.prepare("SELECT c FROM t").get()).toMatchObject({ c: "b" });
  });
});

describe("refusals and failures", () => {
  test("[S30, S47] what SQLite refuses is laid on its operation with SQLite's words and no value, and the rest proceeds", async () => {
    user.exec(`
      CREATE TABLE p (id INTEGER PRIMARY KEY);
      CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT NOT NULL, n INT CHECK (n < 10), u TEXT COLLATE NOCASE UNIQUE ON CONFLICT REPLACE, p REFERENCES p);
      CREATE TRIGGER no BEFORE UPDATE OF a ON t WHEN NEW.a = 'stop' BEGIN SELECT RAISE(FAIL, 'not today'); END;
      CREATE TRIGGER hush BEFORE UPDATE OF a ON t WHEN NEW.a = 'hush' BEGIN SELECT RAISE(IGNORE); END;
      INSERT INTO t VALUES (1, 'a', 1, 'one', NULL), (2, 'b', 2, 'two', NULL), (3, 'c', 3, NULL, NULL);
    `);
    await connection.install(["t"], "do", options);
    const object = await connection.open("t", ["a", "n", "u", "p"], options);
    const outcomes = await write(
      object,
      setting("1", null, 0),
      setting("1", "99", 1),
      setting("1", "TWO", 2),
      setting("1", "~i99", 3),
      setting("1", "stop", 0),
      setting("1", "hush", 0),
      setting("1", "fine", 0),
      {
        kind: "create",
        set: writeImage(["n", undefined, "two"]),
      },
    );
    expect(outcomes.map((outcome) => (outcome.kind === "rejected" ? outcome.code : outcome.kind))).toEqual([
      "SQLITE_CONSTRAINT_NOTNULL",
      "SQLITE_CONSTRAINT_CHECK",
      "taken",
      "SQLITE_CONSTRAINT_FOREIGNKEY",
      "SQLITE_CONSTRAINT_TRIGGER",
      "SQLITE_IGNORED",
      "applied",
      "taken",
    ]);
    expect(outcomes[2]).toMatchObject({ columns: ["u"], holder: "2" });
    expect(outcomes[7]).toMatchObject({ columns: ["u"], holder: "2" });
    expect(user.prepare("SELECT count(*) AS n FROM t").get()).toMatchObject({ n: 3 });
  });

  test("[S47] a foreign key that is judged at the commit rejects the batch, and a single operation by its name", async () => {
    user.exec(
      "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE t (id INTEGER PRIMARY KEY, p REFERENCES p DEFERRABLE INITIALLY DEFERRED); INSERT INTO t VALUES (1, NULL), (2, NULL)",
    );
    const object = await connection.open("t", ["p"], options);
    expect((await write(object, setting("1", "~i99"), setting("2", "~i99"))).map(({ kind }) => kind)).toEqual([
      "batchRejected",
      "batchRejected",
    ]);
    expect(await write(object, setting("1", "~i99"))).toMatchObject([{ kind: "rejected", code: "SQLITE_CONSTRAINT_FOREIGNKEY" }]);
    expect(user.prepare("SELECT count(*) AS n FROM t WHERE p IS NOT NULL").get()).toMatchObject({ n: 0 });
  });

  test("a trigger that rolls everything back rejects the batch, and a single operation by itself", async () => {
    user.exec(
      "CREATE TABLE t (id INTEGER PRIMARY KEY, a); CREATE TRIGGER r BEFORE UPDATE ON t WHEN NEW.a = 'r' BEGIN SELECT RAISE(ROLLBACK, 'all back'); END; INSERT INTO t VALUES (1, 'a'), (2, 'b')",
    );
    const object = await connection.open("t", ["a"], options);
    expect((await write(object, setting("1", "x"), setting("2", "r"))).map(({ kind }) => kind)).toEqual(["batchRejected", "batchRejected"]);
    expect(await write(object, setting("2", "r"))).toMatchObject([{ kind: "rejected", reason: "all back" }]);
    expect(user.prepare("SELECT a FROM t").all()).toMatchObject([{ a: "a" }, { a: "b" }]);
  });

  test("a missing file is an error that says so, and is never created", async () => {
    file = join(folder, "nowhere.db");
    const lost = connect();
    await expect(lost.discover(options)).rejects.toMatchObject({
      code: "ACCORD_UNREACHABLE",
      message: expect.stringContaining(file) as string,
    });
    expect(existsSync(file)).toBe(false);
    await lost.close();
  });

  test("a file that is no database, or is damaged, is an error that says what to do", async () => {
    user.exec(
      "CREATE TABLE t (id INTEGER PRIMARY KEY, c); INSERT INTO t SELECT value, hex(randomblob(500)) FROM generate_series(1, 200)".replace(
        "SELECT value, hex(randomblob(500)) FROM generate_series(1, 200)",
        "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 200) SELECT i, hex(randomblob(500)) FROM n",
      ),
    );
    user.close();
    const bytes = readFileSync(file);
    bytes.fill(0xee, 4096, bytes.length - 4096);
    writeFileSync(file, bytes);
    const object = await connection.open("t", ["c"], options);
    await expect(listed(object)).rejects.toMatchObject({ code: "ACCORD_FILE_DAMAGED", remedy: "stop" });
    writeFileSync(join(folder, "text.db"), "this is not a database, by any means".repeat(100));
    file = join(folder, "text.db");
    const other = connect();
    await expect(other.check(["t"], options)).rejects.toMatchObject({ code: "ACCORD_FILE_DAMAGED" });
    await other.close();
  });

  test("a full disk stops with nothing written", async () => {
    user.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, c)");
    await connection.install(["t"], "do", options);
    const { page_count: pages } = user.prepare("PRAGMA page_count").get() ?? {};
    const tight = connect({ maxPageCount: Number(pages) + 1 });
    const object = await tight.open("t", ["c"], options);
    await expect(write(object, creating("small"), creating("x".repeat(50_000)))).rejects.toMatchObject({
      code: "ACCORD_DISK_FULL",
      remedy: "stop",
    });
    expect(user.prepare("SELECT count(*) AS n FROM t").get()).toMatchObject({ n: 0 });
    expect((await write(object, creating("small")))[0]?.kind).toBe("applied");
    await tight.close();
  });

  test("a file that may only be read is listed and followed by sweeps, and says so", async () => {
    user.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, c); INSERT INTO t VALUES (1, 'a')");
    const reading = connect({ readOnly: true });
    const object = await reading.open("t", ["c"], options);
    expect(await listed(object)).toEqual(["1"]);
    expect(object.capabilities).toMatchObject({ capture: "sweep", compareAndSet: false, proof: false });
    expect(object.schema.columns.every(({ writable }) => !writable)).toBe(true);
    await expect(write(object, { kind: "delete", record: "1", expect: [] })).rejects.toMatchObject({ code: "ACCORD_FORBIDDEN" });
    expect((await reading.install(["t"], "do", options)).every(({ state }) => state === "impossible")).toBe(true);
    expect((await reading.check(["t"], options)).problems.map(({ text }) => text).join()).toMatch(/may only be read/);
    await reading.close();
  });

  test("[S30] a file that another program holds is waited for, and then nothing was sent", async () => {
    user.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, c); INSERT INTO t VALUES (1, 'a')");
    const patient = connect({ busyMs: 2000 });
    const hasty = connect({ busyMs: 30 });
    const [one, two] = [await patient.open("t", ["c"], options), await hasty.open("t", ["c"], options)];
    user.exec("BEGIN EXCLUSIVE");
    const waiting = write(one, setting("1", "b"));
    expect(await write(two, setting("1", "c"))).toMatchObject([{ kind: "notSent" }]);
    user.exec("COMMIT");
    expect(await waiting).toMatchObject([{ kind: "applied", image: "b" }]);
    await patient.close();
    await hasty.close();
  });

  test("[S27] the journal mode stays the user's, and check advises", async () => {
    user.exec("CREATE TABLE t (id INTEGER PRIMARY KEY)");
    await connection.install(["t"], "do", options);
    const report = await connection.check(["t"], options);
    expect(report.system).toMatch(/^SQLite 3\..* journal mode delete$/);
    expect(report.problems).toMatchObject([{ severity: "warning", remedy: expect.stringContaining("journal_mode=WAL") as string }]);
    expect(user.prepare("PRAGMA journal_mode").get()).toMatchObject({ journal_mode: "delete" });
  });

  test("[S60] uninstall leaves the file's schema as it was, and install says what it would do before", async () => {
    user.exec("CREATE TABLE t (a, b, c, PRIMARY KEY (a, b, c)); CREATE TABLE log (at)");
    const schema = (): unknown => user.prepare("SELECT name, sql FROM sqlite_schema WHERE name <> 'sqlite_sequence'").all();
    const before = schema();
    const would = await connection.install(["t", "log"], "describe", options);
    expect(schema()).toEqual(before);
    expect(would.filter(({ state }) => state === "would").length).toBeGreaterThan(5);
    expect(would.filter(({ state }) => state === "impossible")).toMatchObject([
      { what: "triggers on log", reason: expect.stringContaining("PRIMARY KEY") as string },
    ]);
    await connection.install(["t"], "do", options);
    expect((await connection.install(["t"], "do", options)).every(({ state }) => state === "already")).toBe(true);
    await connection.uninstall("do", options);
    expect(schema()).toEqual(before);
  });
});

test("[S31, S32] a write ends before the lease does: what takes longer is taken back, in halves first, so that nothing lands late", async () => {
  user.exec("CREATE TABLE slow (id INTEGER PRIMARY KEY, name TEXT)");
  const host = realHost({ seed: 1 });
  let nowMs = 0;
  // Each look at the clock is 400 ms later: a disk that hangs.
  const clock = { ...host.clock, nowMs: () => (nowMs += 400) };
  const bounded = sqliteConnector.connect({ file }, { ...host, clock, name: "shop", installation: "test", requestMsMax: 300 });
  try {
    const object = await bounded.open("slow", ["id", "name"], options);
    expect(object.capabilities.requestDeadlineMs).toBe(300);
    const ada = { kind: "create", set: writeImage([undefined, "Ada"]) } as const;
    expect((await write(object, ada, ada)).map(({ kind }) => kind)).toEqual(["batchRejected", "batchRejected"]);
    expect(await write(object, ada)).toMatchObject([{ kind: "notSent" }]);
    expect(user.prepare("SELECT count(*) AS n FROM slow").get()).toEqual({ n: 0 });
  } finally {
    await bounded.close();
  }
});
