import { setTimeout as sleep } from "node:timers/promises";
import { openPostgresClient } from "@accord/sandbox/postgres";
import type { PostgresServer } from "@accord/sandbox/postgres";
import type { HistoryRow } from "./evidence.ts";
import { openLastingSession, SessionLost } from "./lasting-session.ts";
import type { LastingSession } from "./lasting-session.ts";
import { COLUMNS, historyRow, INSTALLATION, literal, statementOf } from "./system.ts";
import type { CrashSystem, CrashUser, UserAct } from "./system.ts";
import { startTcpProxy } from "./tcp-proxy.ts";

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

/** How Accord learns of changes there. */
export type CrashCapture = "log" | "triggers";

/** A database of a PostgreSQL server, with its users' table, and a way to it for Accord alone. */
export async function postgresSystem(name: string, server: PostgresServer, database: string, capture: CrashCapture): Promise<CrashSystem> {
  const url = await server.createDatabase(database);
  const proxy = await startTcpProxy(server.port);
  const admin = await openLastingSession(url);
  await admin.run(SETUP);
  const way = new URL(url);
  way.port = String(proxy.port);
  return {
    name,
    connection: `{ connector: postgres, url: "${way.href}", capture: ${capture}, ${LIMITS} }`,
    object: "public.customer",
    remote: { server, proxy },
    openUser: async () => user(await openLastingSession(url)),
    moment: async () => (await admin.rows("SELECT pg_current_wal_insert_lsn()"))[0]?.[0] ?? "",
    hasFollowed: async (moment) => (await admin.rows(FOLLOWED[capture](moment)))[0]?.[0] === "t",
    rows: async () => {
      const rows = await admin.rows(`SELECT ${COLUMNS.map((column) => `${column}::text`).join(", ")} FROM customer ORDER BY code`);
      return rows.map((row) => Object.fromEntries(COLUMNS.map((column, index) => [column, row[index] ?? null])));
    },
    history: async () => historyOf(await admin.rows(historyWhere(""))),
    lastSequence: async () => Number((await admin.rows("SELECT coalesce(max(sequence), 0) FROM crash_history"))[0]?.[0]),
    proofs: async (intents) => {
      const list = intents.map(literal).join(", ");
      if (list === "") return new Set();
      return new Set((await admin.rows(`SELECT intent FROM (${PROVEN}) proven WHERE intent IN (${list})`)).map(([intent]) => intent ?? ""));
    },
    codeOf: async (record) => (await admin.rows(`SELECT code FROM customer WHERE id::text = ${literal(record)}`))[0]?.[0] ?? null,
    hold: () => hold(url),
    settled: () => settled(admin),
    close: async () => {
      await admin.close();
      await proxy.close();
    },
  };
}

/** What the feed has made durable, the server may forget: the slot's position says so, and rows of the trigger log are gone. */
const FOLLOWED: Readonly<Record<CrashCapture, (moment: string) => string>> = {
  log: (moment) =>
    `SELECT coalesce(bool_and(confirmed_flush_lsn > '${moment}'), false) FROM pg_replication_slots WHERE database = current_database()`,
  triggers: () => `SELECT count(*) = 0 FROM accord_${INSTALLATION}.touched`,
};

function historyWhere(where: string): string {
  return `SELECT sequence, operation, kind, before, after FROM crash_history ${where} ORDER BY sequence`;
}

function historyOf(rows: readonly (readonly (string | null)[])[]): HistoryRow[] {
  return rows.map((row) => historyRow(row[0], row[1], row[2], row[3], row[4]));
}

/** A user whose server goes away in the middle of an act looks up what became of it: no session of before lives on when the server is back. */
function user(session: LastingSession): CrashUser {
  return {
    act: async (operation: string, act: UserAct) => {
      const changed = historyWhere(`WHERE operation = ${literal(operation)}`);
      try {
        // Several statements in one message are one transaction.
        const results = await session.run(
          `SELECT set_config('crash.operation', ${literal(operation)}, true); ${statementOf("customer", act)}; ${changed}`,
        );
        return historyOf(results.at(-1)?.rows ?? []);
      } catch (error) {
        if (!(error instanceof SessionLost)) throw error;
        return historyOf(await session.rows(changed));
      }
    },
    close: () => session.close(),
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
async function settled(admin: LastingSession): Promise<void> {
  for (let looks = 0; looks < 500; looks += 1) {
    const [row] = await admin.rows(
      "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'accord' AND backend_type = 'client backend' AND state <> 'idle'",
    );
    if (row?.[0] === "0") return;
    await sleep(10);
  }
}
