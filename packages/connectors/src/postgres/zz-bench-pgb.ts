import pg from "pg";
import { startPostgres } from "@accord/sandbox/postgres";
import { createDatabase } from "./client.ts";
import { readSettings } from "./settings.ts";
import { namesOf } from "./names.ts";
import { install } from "./install.ts";
import { currentCursor, followChanges } from "./capture.ts";
const signal = new AbortController().signal; const options = { signal };
const server = await startPostgres();
const columns = ["id","email","first_name","last_name","phone","company","title","city","country","amount","updated_at"];
for (const capture of ["log", "triggers"]) {
  const url = await server.createDatabase("b_" + capture);
  const user = new pg.Client({ connectionString: url }); await user.connect();
  await user.query(`CREATE TABLE contacts (id int primary key, email text, first_name text, last_name text, phone text, company text, title text, city text, country text, amount numeric(12,2), updated_at timestamptz default now())`);
  await user.query(`INSERT INTO contacts SELECT i, 'user'||i||'@example.com','First'||i,'Last'||i,'+49 30 '||i,'Company '||i%1000,'Head of something','Berlin','Germany',i/7.0, now() FROM generate_series(1,100000) i`);
  const timeMid = async () => { for (let i=0;i<100;i++) await user.query(`UPDATE contacts SET amount = amount + 1 WHERE id BETWEEN ${i*1000+1} AND ${i*1000+1000}`); };
  const database = createDatabase("x", readSettings({ url, capture }).value);
  const access = { database, names: namesOf("b", "b_" + capture), clock: { nowMs: () => Date.now(), sleep: (d: number) => new Promise<void>((r) => setTimeout(r, d)) }, log: { debug(){}, info(){}, warn: console.log, error: console.log } };
  await install(access, ["public.contacts"], "do", options);
  let cursor = await currentCursor(access, options);
  const object: any = { schema: { name: "public.contacts", key: ["id"] }, columns };
  let feed = await followChanges(access, [object], cursor, options);
  const drain = async () => { let n=0, b=0; for (;;) { const x = await feed.next({ signal, waitMs: 1500, changesMax: 5000 }); if (!x.changes.length) { cursor = x.cursor; break; } n += x.changes.length; b++; cursor = x.cursor; feed.acknowledge(cursor); } return [n,b]; };
  await drain();
  for (let round = 0; round < 3; round++) {
    await feed.close();
    await timeMid();
    const cpu0 = process.cpuUsage();
    feed = await followChanges(access, [object], cursor, options);
    const t = performance.now(); let n = 0, b = 0;
    while (n < 100000) { const x = await feed.next({ signal, waitMs: 3000, changesMax: 5000 }); if (!x.changes.length) break; n += x.changes.length; b++; cursor = x.cursor; feed.acknowledge(cursor); }
    const ms = performance.now() - t; const cpu = process.cpuUsage(cpu0);
    console.log(capture, "backlog", n, "changes", b, "batches", (n / ms).toFixed(0), "k/s; client cpu us/change", ((cpu.user + cpu.system) / n).toFixed(2));
    await drain();
  }
  // latency
  const seen: number[] = []; let at = 0;
  for (let i = 0; i < 200; i++) {
    const wait = feed.next({ signal, waitMs: 3000, changesMax: 5000 });
    await new Promise((r) => setTimeout(r, 10));
    let done = 0; const w = wait.then((x) => { done = performance.now(); cursor = x.cursor; });
    await user.query("UPDATE contacts SET amount = amount + 1 WHERE id = 5"); at = performance.now();
    await w; seen.push(done - at); feed.acknowledge(cursor);
  }
  seen.sort((a, b) => a - b);
  console.log(capture, "latency after commit reply p50", seen[100]?.toFixed(2), "p99", seen[198]?.toFixed(2));
  const c0 = process.cpuUsage(); const t0 = performance.now();
  while (performance.now() - t0 < 5000) await feed.next({ signal, waitMs: 1000, changesMax: 1000 });
  const c1 = process.cpuUsage(c0); console.log(capture, "idle cpu %", ((c1.user + c1.system) / 50000).toFixed(2));
  await feed.close(); await database.close(); await user.end();
}
await server.stop();
