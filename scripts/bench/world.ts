import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openPostgresClient, startPostgres } from "@accord/sandbox/postgres";
import type { PostgresClient, PostgresServer } from "@accord/sandbox/postgres";
import { AccordProject } from "./accord-process.ts";
import type { BenchOptions } from "./options.ts";
import { serverCpuSeconds } from "./process-figures.ts";
import { fillSql, postgresConnection, projectFile, TABLE } from "./workload.ts";
import type { SideRows } from "./workload.ts";

/** One database of one of the two servers, with a session of a user of that system. */
export interface Place {
  readonly url: string;
  readonly client: PostgresClient;
}

/** Two servers on loopback, as two systems of one company. */
export interface World {
  readonly options: BenchOptions;
  readonly left: PostgresServer;
  readonly right: PostgresServer;
  /** Makes a database with an empty `contacts`, and opens a session. */
  place(server: PostgresServer, name: string): Promise<Place>;
  project(name: string, file: string): AccordProject;
  serverCpuSeconds(): number;
  /** A version of PostgreSQL, for the report. */
  serverVersion(): Promise<string>;
  close(): Promise<void>;
}

/** Room for what a machine of two cores would give a server that does real work. */
const SETTINGS = { shared_buffers: "256MB", max_wal_size: "4GB", max_logical_replication_workers: "8", max_worker_processes: "16" };

export async function openWorld(options: BenchOptions): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), "accord-bench-"));
  mkdirSync(folder, { recursive: true });
  const [left, right] = await Promise.all([startPostgres({ settings: SETTINGS }), startPostgres({ settings: SETTINGS })]);
  const clients: PostgresClient[] = [];
  return {
    options,
    left,
    right,
    place: async (server, name) => {
      const url = await server.createDatabase(name);
      const client = await openPostgresClient(url);
      clients.push(client);
      await client.run(TABLE);
      return { url, client };
    },
    project: (name, file) => new AccordProject(join(folder, name), file, options.profile),
    serverCpuSeconds: () => serverCpuSeconds(left.processId ?? 0) + serverCpuSeconds(right.processId ?? 0),
    serverVersion: async () => {
      const client = await openPostgresClient(left.url);
      const version = await one(client, "SHOW server_version");
      await client.close();
      return version;
    },
    close: async () => {
      for (const client of clients) await client.close();
      await Promise.all([left.stop(), right.stop()]);
      if (!options.keeps) rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Fills a place and settles it as a running system would be. */
export async function fill(place: Place, rows: SideRows): Promise<void> {
  await place.client.run(fillSql(rows));
  await place.client.run("VACUUM (ANALYZE) contacts");
  await place.client.run("CHECKPOINT");
}

/** Removes a database that no session uses any more, with the replication slots in it. */
export async function dropPlace(server: PostgresServer, place: Place, name: string): Promise<void> {
  await place.client.run("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database()");
  await place.client.close();
  const client = await openPostgresClient(server.url);
  await client.run(`DROP DATABASE "${name}" WITH (FORCE)`);
  await client.close();
}

/** A project that keeps these two in agreement. */
export function pairFile(left: Place, right: Place, capture?: string): string {
  return projectFile(postgresConnection(left.url, capture), postgresConnection(right.url));
}

/** The first cell of a query's answer. */
export async function one(client: PostgresClient, sql: string): Promise<string> {
  const results = await client.run(sql);
  return results.at(-1)?.rows[0]?.[0] ?? "";
}

/** The first row of a query's answer as one text: for comparing digests. */
export async function row(client: PostgresClient, sql: string): Promise<string> {
  const results = await client.run(sql);
  return results.at(-1)?.rows[0]?.join(" ") ?? "";
}

export function seconds(startedAtMs: number): number {
  return (performance.now() - startedAtMs) / 1_000;
}
