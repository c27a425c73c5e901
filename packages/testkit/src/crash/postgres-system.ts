import { setTimeout as sleep } from "node:timers/promises";
import { openPostgresClient } from "@accord/sandbox/postgres";
import type { PostgresClient, PostgresServer } from "@accord/sandbox/postgres";
import type { HistoryRow } from "./evidence.ts";
import { COLUMNS, historyRow, INSTALLATION, literal, statementOf } from "./system.ts";
import type { CrashSystem, CrashUser, UserAct } from "./system.ts";

/** A BEFORE trigger: it runs once the row is locked, so sequences of one row grow in commit order, and Accord's writes keep to one round trip. */
const SETUP = `
  CREATE TABLE customer (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, code text, name text, city text, note text, points integer NOT NULL DEFAULT 0, private text);
  CREATE INDEX customer_code ON customer (code);
  CREATE TABLE crash_history (sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, operation text, kind text, before jsonb, after jsonb);
  CREATE INDEX crash_operation ON crash_history (operation);
  CREATE FUNCTION crash_note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO public.crash_history (operation, kind, before, after) VALUES (current_setting('crash.operation', true), lower(TG_OP),
      CASE WHEN TG_OP = 'INSERT' THEN NULL ELSE to_jsonb(OLD) END, CASE WHEN TG_OP = 'DELETE' THEN NULL ELSE to_jsonb(NEW) END);
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    RETURN NEW;
  END $$;
  CREATE TRIGGER crash_note BEFORE INSERT OR UPDATE OR DELETE ON customer FOR EACH ROW EXECUTE FUNCTION crash_note();`;

/** How long a statement of Accord's may wait for a user's lock, and run. Milliseconds; short, since recovery waits for both. [S31] */
const LIMITS = "limits: { statementTimeoutMs: 1000, lockTimeoutMs: 1500 }";

/** Every intent with proof: a row of its own, or one that many creates share. */
const PROVEN = `SELECT intent FROM accord_${INSTALLATION}.applied UNION ALL SELECT unnest(intents) FROM accord_${INSTALLATION}.applied_batch`;

/** A database of a PostgreSQL server, with its users' table. */
export async function postgresSystem(name: string, server: PostgresServer, database: string): Promise<CrashSystem> {
  const root = await openPostgresClient(server.url);
  await root.run(`CREATE DATABASE ${database}`);
  await root.close();
  const url = server.urlOf(database);
  const admin = await openPostgresClient(url);
  await admin.run(SETUP);
  return {
    name,
    connection: `{ connector: postgres, url: "${url}", ${LIMITS} }`,
    object: "public.customer",
    openUser: async () => user(await openPostgresClient(url)),
    rows: async () => {
      const rows = await rowsOf(admin, `SELECT ${COLUMNS.map((column) => `${column}::text`).join(", ")} FROM customer ORDER BY code`);
      return rows.map((row) => Object.fromEntries(COLUMNS.map((column, index) => [column, row[index] ?? null])));
    },
    history: () => historyWhere(admin, ""),
    lastSequence: async () => Number((await rowsOf(admin, "SELECT coalesce(max(sequence), 0) FROM crash_history"))[0]?.[0]),
    proofs: async (intents) => {
      const list = intents.map(literal).join(", ");
      if (list === "") return new Set();
      return new Set(
        (await rowsOf(admin, `SELECT intent FROM (${PROVEN}) proven WHERE intent IN (${list})`)).map(([intent]) => intent ?? ""),
      );
    },
    codeOf: async (record) => (await rowsOf(admin, `SELECT code FROM customer WHERE id::text = ${literal(record)}`))[0]?.[0] ?? null,
    hold: () => hold(url),
    settled: () => settled(admin),
    close: () => admin.close(),
  };
}

async function rowsOf(client: PostgresClient, statement: string): Promise<readonly (readonly (string | null)[])[]> {
  return (await client.run(statement)).at(-1)?.rows ?? [];
}

async function historyWhere(client: PostgresClient, where: string): Promise<HistoryRow[]> {
  const rows = await rowsOf(client, `SELECT sequence, operation, kind, before, after FROM crash_history ${where} ORDER BY sequence`);
  return rows.map((row) => historyRow(row[0], row[1], row[2], row[3], row[4]));
}

function user(client: PostgresClient): CrashUser {
  return {
    act: async (operation: string, act: UserAct) => {
      // Several statements in one message are one transaction.
      const results = await client.run(
        `SELECT set_config('crash.operation', ${literal(operation)}, true); ${statementOf("customer", act)};
         SELECT sequence, operation, kind, before, after FROM crash_history WHERE operation = ${literal(operation)} ORDER BY sequence`,
      );
      return (results.at(-1)?.rows ?? []).map((row) => historyRow(row[0], row[1], row[2], row[3], row[4]));
    },
    close: () => client.close(),
  };
}

async function hold(url: string): Promise<(() => Promise<void>) | null> {
  const client = await openPostgresClient(url);
  try {
    await client.run("BEGIN; SET LOCAL lock_timeout = 300; LOCK TABLE customer IN SHARE MODE");
  } catch {
    await client.close();
    return null;
  }
  return async () => {
    await client.run("ROLLBACK");
    await client.close();
  };
}

/** Looks at what a dead client left running: the server ends it when it is done or its time is up. */
async function settled(admin: PostgresClient): Promise<void> {
  for (let looks = 0; looks < 500; looks += 1) {
    const [row] = await rowsOf(
      admin,
      "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'accord' AND backend_type = 'client backend' AND state <> 'idle'",
    );
    if (row?.[0] === "0") return;
    await sleep(10);
  }
}
