import pg from "pg";
import { startPostgres } from "@accord/sandbox/postgres";
import { createDatabase } from "./client.ts";
import { readSettings } from "./settings.ts";
import { namesOf } from "./names.ts";
import { install, uninstall } from "./install.ts";
import { currentCursor, followChanges } from "./capture.ts";
const signal = new AbortController().signal; const options = { signal };
const server = await startPostgres();
const url = await server.createDatabase("r");
const user = new pg.Client({ connectionString: url }); await user.connect();
const database = createDatabase("x", readSettings({ url }).value);
const access = { database, names: namesOf("b", "r"), clock: { nowMs: () => Date.now(), sleep: (d: number) => new Promise<void>((r) => setTimeout(r, d)) }, log: { debug(){}, info(){}, warn(){}, error: console.log } };
for (let i = 0; i < 600; i++) {
  await user.query("CREATE TABLE public.customer (id integer PRIMARY KEY, name text NOT NULL, amount numeric(12,2), note text); ALTER TABLE customer ALTER note SET STORAGE EXTERNAL");
  await install(access, ["public.customer"], "do", options);
  const object: any = { schema: { name: "public.customer", key: ["id"] }, columns: ["id","name","amount","note"] };
  const feed: any = await followChanges(access, [object], await currentCursor(access, options), options);
  await user.query("INSERT INTO customer VALUES (1, 'a', 1, repeat('x', 5000))");
  await user.query("UPDATE customer SET amount = 2");
  await user.query("ALTER TABLE customer DROP COLUMN amount");
  await user.query("UPDATE customer SET name = 'b', note = 'short'");
  if (i % 3) await new Promise((r) => setTimeout(r, i % 20)); let n = 0; const t = performance.now(); const sizes = [];
  while (n < 3) { const x = await feed.next({ signal, waitMs: 3000, changesMax: 1000 }); sizes.push(x.changes.length); if (!x.changes.length) {
    const r = await user.query("select sent_lsn, write_lsn, flush_lsn, pg_current_wal_lsn(), state, (select wait_event from pg_stat_activity a where a.pid = r.pid) w from pg_stat_replication r");
    console.log("STUCK", i, sizes, x.cursor, r.rows); const y = await feed.next({ signal, waitMs: 3000, changesMax: 1000 }); console.log("then", y.changes.length); break; } n += x.changes.length; }
  if (performance.now() - t > 100) console.log(i, sizes, (performance.now() - t).toFixed(0));
  await feed.close(); await uninstall(access, "do", options); await user.query("DROP TABLE customer");
}
await database.close(); await user.end(); await server.stop();
