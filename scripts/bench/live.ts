import { setTimeout as sleep } from "node:timers/promises";
import type { LiveAccord } from "./accord-process.ts";
import type { Figures } from "./figure.ts";
import { shown } from "./figure.ts";
import type { Pair } from "./first-contact.ts";
import type { NativeReplication } from "./references.ts";
import type { Place, World } from "./world.ts";
import { one, row, seconds } from "./world.ts";
import { DIGEST } from "./workload.ts";

/** Between two looks whether everything has arrived. Milliseconds. */
const LOOK_MS = 20;

/** P4, P9, P12: both sides update at once, 1 % of the rows are hit on both, in different fields. Timed from the moment the updates are sent. */
export async function measureSteady(
  world: World,
  figures: Figures,
  { left, right, copyRate }: Pair,
  live: LiveAccord,
  round: number,
): Promise<void> {
  const count = Math.min(10_000, Math.floor(world.options.rows / 4));
  const onLeft: Edits = { field: "title", word: `Steady ${round}`, salt: `s${round}`, offset: 0, count };
  const onRight: Edits = { field: "city", word: `Town ${round}`, salt: `s${round}`, offset: Math.floor(count * 0.99), count };
  await note(left, "own", onLeft);
  await note(right, "own", onRight);
  await note(left, "awaited", onRight);
  await note(right, "awaited", onLeft);
  const cpuBefore = live.cpuSeconds();
  const serverBefore = world.serverCpuSeconds();
  const startedAtMs = performance.now();
  await Promise.all([edit(left, onLeft), edit(right, onRight)]);
  await Promise.all([arrival(left, "awaited", onRight), arrival(right, "awaited", onLeft)]);
  const taken = seconds(startedAtMs);
  await live.untilIdle();
  figures.add("P4", (2 * count) / taken / copyRate, `${2 * count} changes in ${shown(taken)} s`);
  figures.add(
    "P12",
    ((live.cpuSeconds() - cpuBefore) * 20_000) / (2 * count),
    `servers ${shown(world.serverCpuSeconds() - serverBefore)} CPU s`,
  );
  const here = [
    await missing(left, "own", onLeft),
    await missing(left, "awaited", onRight),
    await missing(right, "own", onRight),
    await missing(right, "awaited", onLeft),
  ];
  const isEqual = (await row(left.client, DIGEST)) === (await row(right.client, DIGEST));
  figures.add(
    "P9",
    here.reduce((sum, lost) => sum + lost, isEqual ? 0 : 1),
    `digests ${isEqual ? "equal" : "differ"}`,
  );
}

/** P5: rows changed at one side while nobody listened. Accord is timed from its word that it runs, the server from ENABLE. */
export async function measureBacklog(
  world: World,
  figures: Figures,
  pair: Pair,
  native: NativeReplication,
  live: LiveAccord,
  round: number,
): Promise<LiveAccord> {
  const count = Math.min(50_000, Math.floor(world.options.rows / 2));
  const edits: Edits = { field: "title", word: `Backlog ${round}`, salt: `b${round}`, offset: 0, count };
  await live.stop();
  await native.pause();
  for (const place of [native.left, native.right]) await note(place, "awaited", edits);
  for (const place of [pair.left, pair.right]) await note(place, "awaited", edits);
  await editInParts(native.left, edits);
  await editInParts(pair.left, edits);
  const nativeStartedAtMs = performance.now();
  await native.resume();
  await arrival(native.right, "awaited", edits);
  const nativeSeconds = seconds(nativeStartedAtMs);
  const again = await pair.project.live();
  const startedAtMs = performance.now();
  await arrival(pair.right, "awaited", edits);
  const taken = seconds(startedAtMs);
  figures.add("P5", nativeSeconds / taken, `${count} rows: native ${shown(nativeSeconds)} s, Accord ${shown(taken)} s`);
  await again.untilIdle();
  return again;
}

interface Edits {
  readonly field: "title" | "city";
  readonly word: string;
  readonly salt: string;
  readonly offset: number;
  readonly count: number;
}

/** Notes the ids of a range of people in a random order that is the same at every place, with the value that they are to have. */
async function note({ client }: Place, table: string, { word, salt, offset, count }: Edits): Promise<void> {
  await client.run(`DROP TABLE IF EXISTS ${table}`);
  await client.run(`CREATE TABLE ${table} AS SELECT id, '${word} ' || email AS value, row_number() OVER () AS place FROM (
    SELECT id, email FROM contacts ORDER BY hashtext(email || '${salt}'), email COLLATE "C" LIMIT ${count} OFFSET ${offset}) chosen`);
  await client.run(`ALTER TABLE ${table} ADD PRIMARY KEY (id); ANALYZE ${table}`);
}

async function edit({ client }: Place, { field }: Edits): Promise<void> {
  await client.run(`UPDATE contacts c SET ${field} = o.value FROM own o WHERE o.id = c.id`);
}

/** In transactions of a thousand rows, as applications write. */
async function editInParts({ client }: Place, { field, count }: Edits): Promise<void> {
  for (let after = 0; after < count; after += 1_000) {
    await client.run(
      `UPDATE contacts c SET ${field} = o.value FROM awaited o WHERE o.id = c.id AND o.place > ${after} AND o.place <= ${after + 1_000}`,
    );
  }
}

/** How many of the noted rows do not have their value. */
async function missing({ client }: Place, table: string, { field }: Edits): Promise<number> {
  return Number(
    await one(client, `SELECT count(*) FROM ${table} o LEFT JOIN contacts c ON c.id = o.id WHERE c.${field} IS DISTINCT FROM o.value`),
  );
}

/** Looks no further than the first row that is still to come: looking must not keep the servers busy. */
async function arrival({ client }: Place, table: string, { field }: Edits): Promise<void> {
  const sql = `SELECT 1 FROM ${table} o JOIN contacts c ON c.id = o.id WHERE c.${field} IS DISTINCT FROM o.value LIMIT 1`;
  await client.run("SET enable_hashjoin = off; SET enable_mergejoin = off");
  while ((await one(client, sql)) !== "") await sleep(LOOK_MS);
  await client.run("RESET enable_hashjoin; RESET enable_mergejoin");
}
