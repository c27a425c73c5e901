import { spawn, spawnSync } from "node:child_process";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { from, to } from "pg-copy-streams";
import type { Place, World } from "./world.ts";
import { fill, one, seconds } from "./world.ts";
import type { SideRows } from "./workload.ts";

/** How the COPY pipe is made on this machine. */
export function copyPipeKind(): string {
  const found = spawnSync("psql", ["--version"], { encoding: "utf8" });
  return found.status === 0 ? found.stdout.trim() : "COPY streams through pg";
}

/** Copies `contacts` of one place into an empty `copied` of another: `COPY TO STDOUT | COPY FROM STDIN`. Returns seconds. */
export async function copyPipe(source: Place, drain: Place): Promise<number> {
  await drain.client.run("DROP TABLE IF EXISTS copied; CREATE TABLE copied (LIKE contacts INCLUDING ALL)");
  await drain.client.run("CHECKPOINT");
  const startedAtMs = performance.now();
  if (copyPipeKind().startsWith("psql")) await copyByPsql(source.url, drain.url);
  else await copyByStreams(source.url, drain.url);
  const taken = seconds(startedAtMs);
  await drain.client.run("DROP TABLE copied");
  return taken;
}

const OUT = "COPY contacts TO STDOUT";
const IN = "COPY copied FROM STDIN";

async function copyByPsql(source: string, drain: string): Promise<void> {
  const script = `psql "$SOURCE" -Xqc '${OUT}' | psql "$DRAIN" -Xqc '${IN}'`;
  const child = spawn("sh", ["-c", script], { env: { ...process.env, SOURCE: source, DRAIN: drain }, stdio: "inherit" });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (code !== 0) throw new Error(`the COPY pipe ended with ${String(code)}`);
}

async function copyByStreams(source: string, drain: string): Promise<void> {
  const [reader, writer] = [new pg.Client(source), new pg.Client(drain)];
  await Promise.all([reader.connect(), writer.connect()]);
  try {
    await pipeline(reader.query(to(OUT)), writer.query(from(IN)));
  } finally {
    await Promise.all([reader.end(), writer.end()]);
  }
}

/** PostgreSQL's own logical replication from the left server to the right. */
export interface NativeReplication {
  readonly left: Place;
  readonly right: Place;
  pause(): Promise<void>;
  resume(): Promise<void>;
}

/** Sets up a subscription on an empty table and waits until its first copy is done. `rows` stand at the left. */
export async function nativeReplication(world: World, name: string, rows: SideRows): Promise<NativeReplication> {
  const left = await world.place(world.left, name);
  const right = await world.place(world.right, name);
  await fill(left, rows);
  await left.client.run(`CREATE PUBLICATION native FOR TABLE contacts`);
  await right.client.run(`CREATE SUBSCRIPTION ${name} CONNECTION '${left.url}' PUBLICATION native`);
  while ((await one(right.client, "SELECT count(*) FROM pg_subscription_rel WHERE srsubstate <> 'r'")) !== "0") await sleep(50);
  return {
    left,
    right,
    pause: async () => void (await right.client.run(`ALTER SUBSCRIPTION ${name} DISABLE`)),
    resume: async () => void (await right.client.run(`ALTER SUBSCRIPTION ${name} ENABLE`)),
  };
}
