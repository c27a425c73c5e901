import { DatabaseSync } from "node:sqlite";
import { createCommandLine } from "@accord/testkit";
import { test } from "vitest";
import { startPostgres } from "@accord/sandbox/postgres";

const base = (fields: string, extra = "", crm = "contacts") => `version: 1
installation: shop
connections:
  crm: { connector: sqlite, file: crm.db }
  erp: { connector: sqlite, file: erp.db }
syncs:
  customers:
    sides:
      crm: { object: ${crm} }
      erp: { object: customer }
    match: [[email]]
${extra}    fields:
      email: { type: email, crm: email, erp: email_address }
${fields}`;

test("explore", async () => {
  const line = createCommandLine();
  const crm = new DatabaseSync(line.path("crm.db"));
  crm.exec("CREATE TABLE contacts (id INTEGER PRIMARY KEY, email TEXT, firstname TEXT, points INTEGER DEFAULT 0, whole TEXT GENERATED ALWAYS AS (firstname || '!') VIRTUAL); CREATE TABLE loose (email TEXT, firstname TEXT); CREATE VIEW viewed AS SELECT * FROM contacts;");
  crm.exec("INSERT INTO contacts (email, firstname, points) VALUES ('a@x.org','Ann',1),('b@x.org','Bob',2),('c@x.org','Cid',3)");
  const erp = new DatabaseSync(line.path("erp.db"));
  erp.exec("CREATE TABLE customer (id INTEGER PRIMARY KEY, email_address TEXT, full_name TEXT CHECK (length(full_name) < 12), loyalty INTEGER)");
  erp.exec("INSERT INTO customer (email_address, full_name, loyalty) VALUES ('a@x.org','Ann',1),('b@x.org','Bobby',2),('d@x.org','Dan',4)");
  const say = async (title: string, words: string[], options = {}) => {
    const e = await line.run(words, options);
    console.log(`== ${title} [${e.code} ${e.signal}]\n${e.out}--\n${e.error}`);
  };
  const f = async (title: string, text: string, words = ["plan"]) => { line.write("accord.yaml", text); await say(title, words); };
  await f("wrong key", base("      name: { type: text, crm: firstname, erp: full_name, polcy: newest }\n"));
  await f("unknown column", base("      name: { type: text, crm: firstnam, erp: full_name }\n"));
  await f("two fields one column", base("      name: { type: text, crm: firstname, erp: full_name }\n      nick: { type: text, crm: firstname, erp: email_address }\n"));
  await f("no key", base("      name: { type: text, crm: firstname, erp: full_name }\n", "", "loose"));
  await f("view", base("      name: { type: text, crm: firstname, erp: full_name }\n", "", "viewed"));
  await f("readonly", base("      name: { type: text, crm: whole, erp: full_name }\n"));
  await f("missing file", base("").replace("crm.db", "nope.db"));
  await f("missing object", base("", "", "nothing"));
  await f("init exists", base(""), ["init"]);
  await f("status no store", base(""), ["status"]);
  await f("run first", base("      name: { type: text, crm: firstname, erp: full_name }\n"), ["run"]);
  await say("apply first", ["apply"]);
  await say("verify first", ["verify"]);
  await say("full store", ["plan"], { fileSizeKiBMax: 64 });
  await say("where", ["plan", "--where", "email == 'c@x.org'"]);
  await say("where bad", ["plan", "--where", "emil == 'c@x.org'"]);
  await say("sample 1", ["apply", "--sample", "1"]);
  await say("plan", ["plan", "--json"]);
  crm.exec("UPDATE contacts SET firstname = 'Robert' WHERE id = 2");
  await say("apply", ["apply"]);
  erp.exec("UPDATE customer SET full_name = 'Zed' WHERE id = 1");
  await say("verify", ["verify"]);
  await say("plan", ["plan"]);
  erp.exec("UPDATE customer SET full_name = 'Zeb' WHERE id = 1");
  await say("apply changed", ["apply"]);
  crm.exec("INSERT INTO contacts (email, firstname) VALUES ('long@x.org', 'A name that is much too long')");
  await say("apply --yes", ["apply", "--yes"]);
  await say("status", ["status"]);
  await say("install", ["install"]);
  await say("uninstall dry", ["uninstall", "--dry-run"]);
  const st = new DatabaseSync(line.path(".accord/accord.db")); st.exec("PRAGMA user_version = 99"); st.close();
  await say("newer", ["plan"]);
  const { rmSync } = await import("node:fs");
  rmSync(line.path(".accord"), { recursive: true });
  await say("lost", ["plan"]);
  await say("adopt", ["install", "--adopt"]);
  await say("plan", ["plan"]);
  await line.remove();
}, 120000);

test.skip("pg", async () => { await startPostgres(); });
