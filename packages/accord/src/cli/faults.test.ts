import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { postgresConnector } from "@accord/connectors/postgres";
import { sqliteConnector } from "@accord/connectors/sqlite";
import { createCommandLine } from "@accord/testkit";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createLog, systemClock, systemRandom } from "../daemon/host.ts";
import { restoreStore } from "../store/backup.ts";
import { openSqliteStore } from "../store/store.ts";
import { runCli } from "./cli.ts";
import type { Program } from "./program.ts";

/** What a command said and how it ended. */
interface Said {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

let folder = "";
let crm: DatabaseSync;
let erp: DatabaseSync;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "accord-faults-"));
  crm = new DatabaseSync(join(folder, "crm.db"));
  crm.exec(`CREATE TABLE contacts (id INTEGER PRIMARY KEY, email TEXT, firstname TEXT, points INTEGER, loud TEXT GENERATED ALWAYS AS (upper(firstname)) VIRTUAL);
    CREATE TABLE keyless (email TEXT, firstname TEXT);
    CREATE VIEW shown AS SELECT * FROM contacts;
    INSERT INTO contacts (email, firstname, points) VALUES ('a@x.org', 'Ann', 1), ('b@x.org', 'Bob', 2), ('c@x.org', 'Cid', 3)`);
  erp = new DatabaseSync(join(folder, "erp.db"));
  erp.exec(`CREATE TABLE customer (id INTEGER PRIMARY KEY, email_address TEXT, full_name TEXT CHECK (length(full_name) < 12), loyalty INTEGER);
    INSERT INTO customer (email_address, full_name, loyalty) VALUES ('a@x.org', 'Ann', 1), ('b@x.org', 'Bobby', 2), ('d@x.org', 'Dan', 4)`);
});

afterEach(() => {
  crm.close();
  erp.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a command line in this process, in a pipe as it were. */
async function accord(...words: readonly string[]): Promise<Said> {
  const said = { out: "", error: "" };
  const program: Program = {
    version: "0.0.0",
    loadConnectors: () => Promise.resolve([postgresConnector, sqliteConnector]),
    openStore: openSqliteStore,
    restoreStore: (options) => Promise.resolve(restoreStore(options)),
    environment: { PASSWORD: "secret" },
    terminal: {
      out: (text) => void (said.out += text),
      error: (text) => void (said.error += text),
      ask: () => Promise.resolve(null),
      isErrorTty: false,
      isOutTty: false,
      width: 100,
    },
  };
  const code = await runCli(program, ["--file", join(folder, "accord.yaml"), ...words], new AbortController().signal);
  return { code, out: said.out.replaceAll(folder, "."), error: said.error.replaceAll(folder, ".") };
}

interface Change {
  readonly fields?: string;
  readonly crm?: string;
  readonly erp?: string;
  readonly crmSide?: string;
  readonly sync?: string;
}

function project(change: Change = {}): void {
  writeFileSync(
    join(folder, "accord.yaml"),
    `version: 1
installation: shop
connections:
  crm: ${change.crm ?? "{ connector: sqlite, file: crm.db }"}
  erp: ${change.erp ?? "{ connector: sqlite, file: erp.db }"}
syncs:
  customers:
    sides:
      crm: ${change.crmSide ?? "{ object: contacts }"}
      erp: { object: customer }
    match: [[email]]
    ${change.sync ?? "policy: newest"}
    fields:
      email: { type: email, crm: email, erp: email_address }
      ${change.fields ?? "name: { type: text, crm: firstname, erp: full_name, sensitive: true }"}
    ignore: { crm: [points, loud], erp: [loyalty] }
`,
  );
}

function storeFile(): string {
  return join(folder, ".accord", "accord.db");
}

/** All that users keep in both systems. */
function contents(): unknown {
  return [crm.prepare("SELECT * FROM contacts").all(), erp.prepare("SELECT * FROM customer").all()];
}

describe("a project file that cannot be used ends with exit code 2, its line and a remedy, and nothing written", () => {
  const cases: readonly (readonly [string, Change, string])[] = [
    [
      "a wrong key",
      { fields: "name: { type: text, crm: firstname, erp: full_name, polcy: newest }" },
      "./accord.yaml:15:59: syncs.customers.fields.name.polcy: is not a key here; did you mean policy?",
    ],
    [
      "an unknown column",
      { fields: "name: { type: text, crm: firstnam, erp: full_name }" },
      './accord.yaml:15:27: syncs.customers.fields.name.crm: there is no column "firstnam" in contacts at crm; did you mean firstname?',
    ],
    [
      "a type that does not fit its column",
      { fields: "name: { type: boolean, crm: firstname, erp: loyalty }" },
      './accord.yaml:15:46: syncs.customers.fields.name.erp: a field of type boolean cannot be the column "loyalty" (INTEGER), which holds integer; write type: integer, give a table of values, or convert it with get and put',
    ],
    [
      "[S4] two fields writing one column",
      { fields: "name: { type: text, crm: firstname, erp: full_name }\n      nick: { type: text, crm: loud, erp: full_name, from: crm }" },
      './accord.yaml:16:38: syncs.customers.fields.nick.erp: the column "full_name" at erp is written by the field name already [S4]; map it once, or read it here: { get: … } without put',
    ],
    [
      "a missing primary key",
      { crmSide: "{ object: keyless }" },
      "./accord.yaml:9:14: syncs.customers.sides.crm.object: keyless has no key: the table has no primary key, and its hidden row numbers do not survive VACUUM: declare a PRIMARY KEY; give it a primary key",
    ],
    [
      "[S29] a read-only column as target",
      { fields: "name: { type: text, crm: loud, erp: full_name }" },
      './accord.yaml:15:27: syncs.customers.fields.name.crm: the column "loud" cannot be written, and edits made elsewhere would have to be; add from: crm to the field, or map it read-only: { get: loud }',
    ],
    [
      "an unknown object",
      { crmSide: "{ object: contcts }" },
      './accord.yaml:9:14: syncs.customers.sides.crm.object: there is no object "contcts" at crm; see accord discover crm for those that the account can see',
    ],
    [
      "a missing variable",
      { erp: '{ connector: postgres, url: "${NOWHERE}" }' },
      "./accord.yaml:5:31: connections.erp.url: the environment variable NOWHERE is not set; set NOWHERE before you start accord",
    ],
    [
      "an unknown connector",
      { erp: "{ connector: oracle, url: x }" },
      './accord.yaml:5:10: connections.erp.connector: there is no connector "oracle"; use one of postgres, sqlite',
    ],
  ];
  for (const [title, change, line] of cases) {
    test(title, async () => {
      project(change);
      const before = contents();
      for (const words of [["plan"], ["apply", "--yes"], ["install"], ["run"]]) {
        expect(await accord(...words), words[0]).toEqual({ code: 2, out: "", error: `${line}\n` });
      }
      expect((await accord("check")).error, "check").toBe(`${line}\n`);
      expect({ now: contents(), store: existsSync(join(folder, ".accord")) }).toEqual({ now: before, store: false });
    });
  }

  test("no project file", async () => {
    expect(await accord("plan")).toEqual({
      code: 2,
      out: "",
      error: "./accord.yaml:1:1: there is no such file; name another with --file, or begin one with accord init\n",
    });
  });
});

describe("a system that cannot be used ends with exit code 1 and one line, and nothing written", () => {
  test("an unreachable server", async () => {
    project({ erp: '{ connector: postgres, url: "postgres://me:${PASSWORD}@127.0.0.1:1/shop" }' });
    const line =
      'error ACCORD_UNREACHABLE: connection "erp" (PostgreSQL at 127.0.0.1:1, database shop) cannot be reached (ECONNREFUSED): check that the server runs and that host and port are right.\n';
    for (const words of [["plan"], ["apply", "--yes"], ["install"], ["run"], ["verify"]]) {
      expect(await accord(...words), words[0]).toEqual({ code: 1, out: "", error: line });
    }
    const checked = await accord("check");
    expect(checked).toMatchObject({ code: 1, error: line });
    expect(checked.out, "the other system is checked all the same").toContain("crm: SQLite");
    expect(existsSync(join(folder, ".accord"))).toBe(false);
  });

  test("a file that is not there", async () => {
    project({ erp: "{ connector: sqlite, file: nowhere.db }" });
    const line = "error ACCORD_UNREACHABLE: There is no file ./nowhere.db for erp: check file: in accord.yaml; Accord never creates it.\n";
    expect(await accord("plan")).toEqual({ code: 1, out: "", error: line });
    expect(existsSync(join(folder, "nowhere.db"))).toBe(false);
  });

  test("a full disk at a system: the write is put off or set aside with the reason, and what fits is written", async () => {
    const pages = Number(Object.values(erp.prepare("PRAGMA page_count").get() ?? {})[0]);
    erp.exec("CREATE TABLE filler (body BLOB)");
    project({ erp: `{ connector: sqlite, file: erp.db, maxPageCount: ${pages + 1} }` });
    for (let contact = 0; contact < 300; contact += 1)
      crm.exec(`INSERT INTO contacts (email, firstname) VALUES ('many${contact}@x.org', 'Many')`);
    const said = await accord("apply", "--yes");
    expect(said.code).toBe(1);
    expect(said.error).toMatch(
      /error ACCORD_NOT_WRITTEN: \d+ writes could not be made now \(.+\); nothing of them is lost: the next accord apply or accord run tries again\.\n$/,
    );
    const { written } = Object.assign(
      { written: 0 },
      erp.prepare("SELECT count(*) AS written FROM customer WHERE full_name = 'Many'").get(),
    );
    expect(written).toBeLessThan(300);
    expect((await accord("verify")).code, "what is missing is named").toBe(3);
  });
});

describe("Accord's own store", () => {
  test("a full disk (a file-size limit): one line, exit code 1, nothing written to any system", async () => {
    project();
    const before = contents();
    const line = createCommandLine();
    try {
      const ended = await line.run(["apply", "--yes", "--file", join(folder, "accord.yaml")], { fileSizeKiBMax: 64 });
      expect(ended).toMatchObject({ code: 1, out: "" });
      expect(ended.error.trim().split("\n").at(-1)?.replaceAll(folder, ".")).toBe(
        "error ACCORD_STORE_FULL: There is no room left for the store ./.accord/accord.db, and nothing of this step was written; free disk space or raise the limit, then start again.",
      );
    } finally {
      await line.remove();
    }
    expect(contents()).toEqual(before);
  });

  test("a store of a newer version is refused as it is", async () => {
    project();
    await accord("plan");
    const store = new DatabaseSync(storeFile());
    store.exec("PRAGMA user_version = 99");
    store.close();
    const before = contents();
    for (const words of [["plan"], ["apply", "--yes"], ["status"], ["run"]]) {
      expect(await accord(...words), words[0]).toEqual({
        code: 1,
        out: "",
        error:
          "error ACCORD_STORE_NEWER: The store ./.accord/accord.db has format 99 and this version of Accord knows 1; run the version of Accord that wrote it, or a newer one.\n",
      });
    }
    expect(contents()).toEqual(before);
  });

  test("a file that is no store is refused as it is", async () => {
    project();
    await accord("plan");
    for (const end of ["-wal", "-shm"]) rmSync(`${storeFile()}${end}`, { force: true });
    writeFileSync(
      storeFile(),
      "not a database, however long this text may become: it has to be more than one hundred bytes, and now it is.",
    );
    const said = await accord("plan");
    expect(said).toEqual({
      code: 1,
      out: "",
      error:
        'error ACCORD_STORE_BROKEN: The store ./.accord/accord.db is no Accord store; restore a backup with "accord restore", or name another file.\n',
    });
  });

  test("[S58] a lost store is noticed at the systems; adopting them begins with a plan and links by match keys, and nothing is doubled", async () => {
    project();
    await accord("install");
    expect((await accord("apply", "--yes")).code).toBe(0);
    const before = contents();
    rmSync(join(folder, ".accord"), { recursive: true });
    for (const words of [["plan"], ["apply", "--yes"], ["install"], ["verify"]]) {
      const said = await accord(...words);
      expect({ ...said, error: said.error.replace(/\([0-9a-f]{8}, this one is [0-9a-f]{8}\)/, "(…)") }, words[0]).toEqual({
        code: 1,
        out: "",
        error:
          "error ACCORD_FOREIGN_STORE: crm is kept by another Accord store (…), and nothing was written; set store: to that one, restore its backup with accord restore, or, if it is lost, begin anew with accord install --adopt.\n",
      });
    }
    expect((await accord("install", "--adopt")).code).toBe(0);
    expect((await accord("run")).code, "a plan comes first").toBe(3);
    expect((await accord("plan")).code, "all is found again").toBe(0);
    expect((await accord("apply")).code).toBe(0);
    expect(contents()).toEqual(before);
  });

  test("[S58] a restored store writes nothing before its plan is applied, and loses no edit", async () => {
    project();
    await accord("install");
    await accord("apply", "--yes");
    expect((await accord("backup", join(folder, "backup.db"))).code).toBe(0);
    crm.exec(
      "UPDATE contacts SET firstname = 'Cyd' WHERE email = 'c@x.org'; INSERT INTO contacts (email, firstname) VALUES ('e@x.org', 'Eve')",
    );
    expect((await accord("apply", "--yes")).code).toBe(0);
    erp.exec("UPDATE customer SET full_name = 'Danny' WHERE email_address = 'd@x.org'");
    expect((await accord("restore", join(folder, "backup.db"))).code).toBe(0);
    const before = contents();
    const refused = await accord("run");
    expect(refused).toEqual({
      code: 3,
      out: "",
      error:
        "error ACCORD_NOT_APPLIED: This store was restored from a backup, or is an older copy, and is behind the systems, and nothing was written; see what differs with accord plan, then accord apply.\n",
    });
    expect((await accord("plan")).error).toContain("nothing is written to them before a plan is applied");
    expect(contents()).toEqual(before);
    expect((await accord("apply")).code).toBe(0);
    expect((await accord("verify")).code).toBe(0);
    expect(crm.prepare("SELECT email, firstname FROM contacts ORDER BY email").all()).toEqual([
      { email: "a@x.org", firstname: "Ann" },
      { email: "b@x.org", firstname: "Bob" },
      { email: "c@x.org", firstname: "Cyd" },
      { email: "d@x.org", firstname: "Danny" },
      { email: "e@x.org", firstname: "Eve" },
    ]);
    expect(erp.prepare("SELECT email_address AS email FROM customer ORDER BY email_address").all()).toHaveLength(5);
  });

  test("[S54] two processes on one store: the second is told who works on it, and writes nothing", async () => {
    project();
    await accord("apply", "--yes");
    const store = await openSqliteStore({
      path: storeFile(),
      clock: systemClock,
      random: systemRandom,
      log: createLog({ file: null, print: null }),
    });
    const lease = await store.takeLease("engine", "77@elsewhere", Date.now() + 60_000, Date.now(), {
      signal: new AbortController().signal,
    });
    expect(lease).not.toBeNull();
    for (const words of [["plan"], ["apply", "--yes"], ["install"], ["run"]]) {
      expect(await accord(...words), words[0]).toEqual({
        code: 1,
        out: "",
        error:
          "error ACCORD_ALREADY_RUNNING: Another Accord (77@elsewhere) is working on this store; stop it first, or wait 15 s if it was killed.\n",
      });
    }
    expect((await accord("restore", storeFile())).error).toContain("nothing was restored");
    expect((await accord("status")).out).toContain("Running: 77@elsewhere");
    await store.close();
  });
});

describe("records and guards", () => {
  test("[S30] a record that one side refuses is set aside with the server's reason, and does not hold up the others", async () => {
    project();
    crm.exec("INSERT INTO contacts (email, firstname) VALUES ('long@x.org', 'A name that is much too long')");
    const said = await accord("apply", "--yes");
    expect(said.code).toBe(0);
    expect(said.out).toContain("1 write parked, each with the reason: accord errors");
    expect(erp.prepare("SELECT count(*) AS emails FROM customer WHERE email_address IN ('c@x.org', 'long@x.org')").get()).toEqual({
      emails: 1,
    });
    const status = JSON.parse((await accord("status", "--json")).out) as {
      readonly syncs: readonly { readonly due: { readonly parked: number } }[];
    };
    expect(status.syncs[0]?.due.parked).toBe(1);
  });

  test("a plan masks sensitive values unless told otherwise", async () => {
    project();
    await accord("apply", "--yes");
    crm.exec("UPDATE contacts SET firstname = 'Annie' WHERE email = 'a@x.org'");
    const planned = await accord("plan", "--json");
    expect(JSON.parse(planned.out)).toMatchObject({
      changes: 1,
      operations: [{ side: "erp", kind: "update", record: "1", fields: [{ field: "name", before: "•••", after: "•••" }] }],
    });
    expect([planned.out, (await accord("plan")).out].join("")).not.toContain("Annie");
    expect((await accord("plan", "--show-values")).out).toContain('name: "Ann" → "Annie"');
  });

  test("[S60] what changed since the plan is listed and not written, the rest is: exit code 3", async () => {
    project();
    expect((await accord("plan")).out).toContain("To write 3 changes");
    erp.exec("UPDATE customer SET full_name = 'Bobbie' WHERE email_address = 'b@x.org'");
    const applied = await accord("apply");
    expect(applied.code).toBe(3);
    expect(applied.out).toContain(
      "1 operation changed since plan and not written; plan again:\n  update erp record 2 (customers entity 4)\n      name: ••• → •••\n",
    );
    expect(erp.prepare("SELECT full_name AS name FROM customer ORDER BY id").all()).toEqual([
      { name: "Ann" },
      { name: "Bobbie" },
      { name: "Dan" },
      { name: "Cid" },
    ]);
    expect((await accord("plan")).code, "it is planned anew").toBe(3);
  });

  test("[S43] a list that lost most of its records says nothing before a person approves it, and its plan says so", async () => {
    project();
    for (let contact = 0; contact < 20; contact += 1) crm.exec(`INSERT INTO contacts (email, firstname) VALUES ('g${contact}@x.org', 'G')`);
    await accord("install");
    expect((await accord("apply", "--yes")).code).toBe(0);
    crm.exec("DELETE FROM contacts WHERE firstname = 'G'");
    const planned = await accord("plan");
    expect(planned.code).toBe(3);
    expect(planned.out).toContain(
      "A guard will stop this plan: crm lists 4 records where 24 were known: 20 are missing, more than 50 %. If that is right: accord approve customers/crm/count\n",
    );
    expect(planned.out).not.toContain("agree");
    expect((await accord("apply")).error).toContain(
      "error ACCORD_GUARD_STOP: Nothing was written: crm lists 4 records where 24 were known",
    );
    expect((await accord("status", "--offline")).out).toContain("customers: paused");
    expect((await accord("approve", "customers/crm/count")).code).toBe(0);
    expect((await accord("plan")).out).toContain("accord approve customers/erp/deletes");
  });

  test("[S43] a guard stops a mass delete; approval lets it go on where it stopped", async () => {
    project({ sync: "guards: { count: off }" });
    for (let contact = 0; contact < 20; contact += 1) crm.exec(`INSERT INTO contacts (email, firstname) VALUES ('g${contact}@x.org', 'G')`);
    await accord("install");
    expect((await accord("apply", "--yes")).code).toBe(0);
    crm.exec("DELETE FROM contacts WHERE firstname = 'G'");
    expect((await accord("plan")).out).toContain("accord approve customers/erp/deletes");
    const stopped = await accord("apply");
    expect(stopped).toMatchObject({ code: 3, out: "" });
    expect(stopped.error).toContain(
      "error ACCORD_GUARD_STOP: Nothing was written: 20 of 24 records of erp would be deleted, more than 1 %. If that is right: accord approve customers/erp/deletes\n",
    );
    expect(erp.prepare("SELECT count(*) AS rows FROM customer").get()).toEqual({ rows: 24 });
    expect((await accord("approve")).code).toBe(3);
    expect((await accord("approve", "customers/erp/deletes")).code).toBe(0);
    expect((await accord("apply")).code).toBe(0);
    expect(erp.prepare("SELECT count(*) AS rows FROM customer").get()).toEqual({ rows: 4 });
    expect((await accord("verify")).code).toBe(0);
  });

  test("[S19] a counter where writes cannot be proven is refused before anything is written", async () => {
    project({ fields: "points: { type: integer, crm: points, erp: loyalty, policy: { counter: { floor: 0 } } }" });
    writeFileSync(join(folder, "accord.yaml"), readFileSync(join(folder, "accord.yaml"), "utf8").replace(/^ *ignore:.*$/m, ""));
    const before = contents();
    expect((await accord("apply", "--yes")).error).toContain("error ACCORD_NO_PROOF: The counter customers.points cannot be kept at crm");
    expect(contents()).toEqual(before);
    await accord("install");
    expect((await accord("apply", "--yes")).code).toBe(0);
  });

  test("[S51] a changed configuration is a new version: nothing flows before a plan of it is applied", async () => {
    project();
    await accord("install");
    await accord("apply", "--yes");
    project({ sync: "policy: { owner: [erp, crm] }" });
    expect(await accord("run")).toEqual({
      code: 3,
      out: "",
      error:
        "error ACCORD_CONFIGURATION_CHANGED: The project file says something else of customers than before, and nothing was written; see what that means with accord plan, then accord apply.\n",
    });
    const planned = await accord("plan");
    expect(planned).toMatchObject({
      code: 0,
      error:
        "The project file says something else of customers than before: it is a new version, and nothing is written before a plan of it is applied.\n",
    });
    expect((await accord("apply")).code).toBe(0);
    expect((await accord("check")).out).toContain("owner breaks ties only: a later edit elsewhere still replaces what erp says");
  });
});

describe("usage", () => {
  test("wrong words end with exit code 2 and the nearest right one", async () => {
    expect(await accord("palan")).toEqual({ code: 2, out: "", error: "error ACCORD_USAGE: unknown command 'palan'; did you mean plan?\n" });
    expect(await accord("plan", "--smaple", "3")).toEqual({
      code: 2,
      out: "",
      error: "error ACCORD_USAGE: unknown option '--smaple'; did you mean --sample?\n",
    });
    expect((await accord("apply", "--sample", "none")).code).toBe(2);
    expect((await accord("backup")).error).toBe("error ACCORD_USAGE: missing required argument 'file'; see accord backup --help\n");
  });

  test("without a plan, a script has to say --yes", async () => {
    project();
    expect(await accord("apply")).toEqual({
      code: 2,
      out: "",
      error:
        "error ACCORD_USAGE: No plan waits to be applied, and nothing was written; run accord plan first, or accord apply --yes to make one and apply it without asking.\n",
    });
  });

  test("with --json a failure is a document too", async () => {
    project();
    const said = await accord("status", "--json");
    expect(said.code).toBe(1);
    expect(JSON.parse(said.out)).toMatchObject({ error: { code: "ACCORD_NO_STORE" } });
  });
});
