import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { LiveAccord } from "./accord-process.ts";
import type { Figures } from "./figure.ts";
import { middle, quantile, shown } from "./figure.ts";
import type { Pair } from "./first-contact.ts";
import type { NativeReplication } from "./references.ts";
import type { Place, World } from "./world.ts";
import { one } from "./world.ts";
import { projectFile } from "./workload.ts";

const COMMITS = 200;
/** Ten commits a second on each of the two, turn by turn. */
const TURN_MS = 50;

/** P6, P7: from the commit at one side until a client of the other side sees it, turn by turn with native replication. */
export async function measureLatency(figures: Figures, pair: Pair, native: NativeReplication, live: LiveAccord): Promise<void> {
  const people = await idsOf(pair);
  // A scan of a large table after many updates writes log of its own (hint bits under checksums), which both kinds of replication have to read through.
  await live.untilIdle();
  const own: number[] = [];
  const theirs: number[] = [];
  for (const [index, [leftId, rightId]] of people.entries()) {
    const value = `Latency ${index} ${Date.now()}`;
    const nativeId = String(index + 1);
    theirs.push(await turn(() => visible(native.left, native.right, nativeId, nativeId, value)));
    own.push(await turn(() => visible(pair.left, pair.right, leftId, rightId, value)));
  }
  const note = (share: number): string => `native ${shown(quantile(theirs, share))} ms, Accord ${shown(quantile(own, share))} ms`;
  figures.add("P6", middle(own) / middle(theirs), note(0.5));
  figures.add("P7", quantile(own, 0.99) / quantile(theirs, 0.99), note(0.99));
}

/** One turn of the clock: the measure, and then the rest of it. */
async function turn(measure: () => Promise<number>): Promise<number> {
  const startedAtMs = performance.now();
  const taken = await measure();
  await sleep(Math.max(0, TURN_MS - (performance.now() - startedAtMs)));
  return taken;
}

async function visible(left: Place, right: Place, leftId: string, rightId: string, value: string): Promise<number> {
  await left.client.run(`UPDATE contacts SET title = '${value}' WHERE id = ${leftId}`);
  const committedAtMs = performance.now();
  while ((await one(right.client, `SELECT title FROM contacts WHERE id = ${rightId}`)) !== value);
  return performance.now() - committedAtMs;
}

/** The ids of some people at both sides, in no order. */
async function idsOf({ left, right }: Pair): Promise<readonly (readonly [left: string, right: string])[]> {
  const chosen = `SELECT email, id FROM contacts ORDER BY hashtext(email || 'latency'), email COLLATE "C" LIMIT ${COMMITS}`;
  const [leftRows, rightRows] = await Promise.all([left, right].map(async ({ client }) => (await client.run(chosen)).at(-1)?.rows ?? []));
  const rightIds = new Map((rightRows ?? []).map(([email, id]) => [email, id ?? ""]));
  return (leftRows ?? []).flatMap(([email, id]) => (rightIds.has(email) ? [[id ?? "", rightIds.get(email) ?? ""] as const] : []));
}

/** How often the SQLite connector looks while a file is in use: POLL_MS of its limits. */
const POLL_MS = 25;
const PEOPLE = 1_000;

/** P8: the same between two SQLite files, whose capture is looked at and not pushed. In shares of what is allowed: 0.6 x interval + 10 ms. */
export async function measurePolling(world: World, figures: Figures): Promise<void> {
  const project = world.project(
    `polling_${figures.count("P8")}`,
    projectFile("{ connector: sqlite, file: crm.db }", "{ connector: sqlite, file: erp.db }"),
  );
  const left = sqliteContacts(join(project.folder, "crm.db"), PEOPLE);
  const right = sqliteContacts(join(project.folder, "erp.db"), 0);
  await project.run(["install"]);
  await project.run(["apply", "--yes"]);
  const live = await project.live();
  await live.untilIdle();
  const write = left.prepare("UPDATE contacts SET title = ? WHERE id = ?");
  const read = right.prepare("SELECT 1 FROM contacts WHERE email = ? AND title = ?");
  const taken: number[] = [];
  for (let person = 1; person <= COMMITS; person += 1) {
    const startedAtMs = performance.now();
    write.run(`Polled ${person}`, person);
    const committedAtMs = performance.now();
    while (read.get(`person${person}@example.org`, `Polled ${person}`) === undefined) await sleep(1);
    taken.push(performance.now() - committedAtMs);
    await sleep(Math.max(0, 100 - (performance.now() - startedAtMs)));
  }
  await live.stop();
  left.close();
  right.close();
  figures.add(
    "P8",
    middle(taken) / (0.6 * POLL_MS + 10),
    `p50 ${shown(middle(taken))} ms, p99 ${shown(quantile(taken, 0.99))} ms at an interval of ${POLL_MS} ms`,
  );
}

function sqliteContacts(file: string, people: number): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: 5_000 });
  database.exec(`PRAGMA journal_mode = WAL; CREATE TABLE contacts (id INTEGER PRIMARY KEY, email TEXT UNIQUE, first_name TEXT, last_name TEXT, phone TEXT, company TEXT,
    title TEXT, city TEXT, country TEXT, amount TEXT, points INTEGER, updated_at TEXT); BEGIN`);
  const insert = database.prepare(
    "INSERT INTO contacts (email, first_name, title, amount, points, updated_at) VALUES (?, 'Ann', 'Head', '1.5', 3, '2026-01-01 00:00:00')",
  );
  for (let person = 1; person <= people; person += 1) insert.run(`person${person}@example.org`);
  database.exec("COMMIT");
  return database;
}
