import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync, chmodSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { PostgresError, startPostgres } from "./index.ts";
import type { PostgresOptions, PostgresServer } from "./index.ts";
import { runStatement } from "./wire.ts";

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

test("a server starts on a free port and answers a client over TCP", async () => {
  const server = await start();
  expect(await query(server, "SELECT current_setting('wal_level'), current_setting('fsync'), upper('é'), version()")).toEqual([
    ["logical", "on", "É", expect.stringContaining("PostgreSQL 18")],
  ]);
  expect(new URL(server.url).port).toBe(String(server.port));
});

test("a wrong password is refused, so that other users of the machine stay out", async () => {
  const server = await start();
  await expect(query(server, "SELECT 1", { password: "guess" })).rejects.toThrow("28P01");
});

test("settings of the caller win over the launcher's, and a name that is none is refused", async () => {
  const server = await start({ settings: { fsync: "off", "accord.mark": "a b='c'" } });
  expect(await query(server, "SELECT current_setting('fsync'), current_setting('accord.mark')")).toEqual([["off", "a b='c'"]]);
  await expect(startPostgres({ settings: { "x -c": "1" } })).rejects.toMatchObject({ code: "ACCORD_POSTGRES_START" });
});

test("a database of any name is created once", async () => {
  const server = await start();
  const url = await server.createDatabase('erp "north"/1');
  expect(url).toBe(server.urlOf('erp "north"/1'));
  expect(await query(server, "SELECT current_database()", { database: 'erp "north"/1' })).toEqual([['erp "north"/1']]);
  await expect(server.createDatabase('erp "north"/1')).rejects.toMatchObject({ code: "ACCORD_POSTGRES_STATEMENT" });
});

test("committed rows survive SIGKILL of the server, which restarts on the same address", async () => {
  const server = await start();
  const before = { url: server.url, processId: server.processId };
  await query(server, "CREATE TABLE kept AS SELECT 42 AS value");
  for (let round = 0; round < 3; round += 1) {
    await server.kill("SIGKILL");
    expect(server.processId).toBeUndefined();
    await server.restart();
    expect(await query(server, "SELECT value FROM kept")).toEqual([["42"]]);
  }
  expect(server.url).toBe(before.url);
  expect(server.processId).not.toBe(before.processId);
});

test("a data directory lasts over stop and start, with its password, and the log lies beside it", async () => {
  const dataDirectory = join(openFolder(), "deep", "erp");
  const first = await start({ dataDirectory });
  await query(first, "CREATE TABLE kept AS SELECT 7 AS value");
  await first.stop();
  await first.stop();
  expect(existsSync(join(dataDirectory, "postmaster.pid"))).toBe(false);
  const second = await start({ dataDirectory, port: first.port });
  expect(second.url).toBe(first.url);
  expect(await query(second, "SELECT value FROM kept")).toEqual([["7"]]);
  expect(readFileSync(second.logFile, "utf8")).toContain("ready to accept connections");
  expect(second.logFile).toBe(`${dataDirectory}.log`);
});

test("a password of the caller's own is set and remembered", async () => {
  const dataDirectory = join(openFolder(), "erp");
  const first = await start({ dataDirectory, superuserPassword: "it's / mine?" });
  expect(await query(first, "SELECT 1")).toEqual([["1"]]);
  await first.stop();
  const second = await start({ dataDirectory });
  expect(decodeURIComponent(new URL(second.url).password)).toBe("it's / mine?");
  expect(await query(second, "SELECT 1")).toEqual([["1"]]);
});

test("a second server on one data directory is refused and the first goes on", async () => {
  const dataDirectory = join(openFolder(), "erp");
  const first = await start({ dataDirectory });
  await expect(startPostgres({ dataDirectory })).rejects.toMatchObject({
    code: "ACCORD_POSTGRES_DIRECTORY",
    message: `the data directory ${dataDirectory} is in use by process ${String(first.processId)}: stop it first, or choose another directory`,
  });
  expect(await query(first, "SELECT 1")).toEqual([["1"]]);
});

test("a folder with other files, or of another version, is refused untouched", async () => {
  const dataDirectory = openFolder();
  writeFileSync(join(dataDirectory, "letter.txt"), "dear");
  await expect(startPostgres({ dataDirectory })).rejects.toThrow("is not empty and not a PostgreSQL data directory");
  writeFileSync(join(dataDirectory, "PG_VERSION"), "13\n");
  await expect(startPostgres({ dataDirectory })).rejects.toThrow("was made by PostgreSQL 13 and this is 18");
});

test("a taken port is named in one line", async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => void other.close());
  const address = other.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  await expect(startPostgres({ port })).rejects.toMatchObject({
    code: "ACCORD_PORT_TAKEN",
    message: `port ${String(port)} of 127.0.0.1 is taken by another program: stop it, or choose another port`,
  });
});

test("a start that fails quotes the server's reason", async () => {
  await expect(startPostgres({ settings: { shared_buffers: "many" } })).rejects.toThrow(
    /^PostgreSQL did not start: .*invalid value for parameter "shared_buffers".*$/,
  );
});

test("a cancelled start leaves nothing behind", async () => {
  await expect(startPostgres({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "ACCORD_CANCELLED" });
  const dataDirectory = join(openFolder(), "erp");
  const soon = new AbortController();
  const starting = startPostgres({ dataDirectory, signal: soon.signal });
  setTimeout(() => {
    soon.abort();
  }, 20);
  await expect(starting).rejects.toBeInstanceOf(PostgresError);
  expect(existsSync(join(dataDirectory, "postmaster.pid"))).toBe(false);
});

test("stop leaves no process and no folder", async () => {
  const server = await start();
  const { processId, dataDirectory } = server;
  await server.stop();
  expect(isAlive(processId)).toBe(false);
  expect(existsSync(dirname(dataDirectory))).toBe(false);
  await expect(server.restart()).rejects.toThrow("start a new server");
});

test("several servers start at once and do not meet", async () => {
  const servers = await Promise.all([start(), start(), start()]);
  expect(new Set(servers.map(({ port }) => port)).size).toBe(3);
  for (const server of servers) expect(await query(server, "SELECT 1")).toEqual([["1"]]);
});

test.for(["SIGKILL", "SIGTERM", "exit"] as const)("a program that ends by %s takes its server with it", async (ending) => {
  const { child, server } = await startInChild();
  expect(isAlive(server.processId)).toBe(true);
  if (ending === "exit") child.stdin.write("exit\n");
  else child.kill(ending);
  await until(() => !isAlive(server.processId) && !existsSync(dirname(server.dataDirectory)));
});

test("a program killed by SIGKILL leaves lasting data whole", async () => {
  const dataDirectory = join(openFolder(), "erp");
  const { child, server } = await startInChild({ dataDirectory });
  child.kill("SIGKILL");
  await until(() => !isAlive(server.processId));
  const again = await start({ dataDirectory });
  expect(await query(again, "SELECT 1")).toEqual([["1"]]);
  expect(readFileSync(again.logFile, "utf8")).not.toContain("was not properly shut down");
});

async function start(options: PostgresOptions = {}): Promise<PostgresServer> {
  const server = await startPostgres(options);
  cleanups.push(() => server.stop());
  return server;
}

/** A folder that root's unprivileged user can pass through too. */
function openFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "accord-postgres-test-"));
  chmodSync(folder, 0o755);
  cleanups.push(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

function query(server: PostgresServer, statement: string, target: { password?: string; database?: string } = {}) {
  const password = decodeURIComponent(new URL(server.url).password);
  return runStatement({ port: server.port, user: "postgres", database: "postgres", password, ...target }, statement);
}

/** Starts a server from a program of its own, which ends when it is killed or told to. */
async function startInChild(options: PostgresOptions = {}) {
  const program = `
    const { startPostgres } = await import(${JSON.stringify(new URL("index.ts", import.meta.url).href)});
    const { processId, dataDirectory } = await startPostgres(${JSON.stringify(options)});
    process.stdin.on("data", () => process.exit(0));
    console.log(processId + " " + dataDirectory);`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], { stdio: ["pipe", "pipe", "inherit"] });
  cleanups.push(() => void child.kill("SIGKILL"));
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout.once("data", (chunk: Buffer) => {
      resolve(chunk.toString());
    });
    child.once("exit", () => {
      reject(new Error("the program ended before its server was ready"));
    });
  });
  const [processId, dataDirectory] = line.trim().split(" ");
  return { child, server: { processId: Number(processId), dataDirectory: dataDirectory ?? "" } };
}

function isAlive(processId: number | undefined): boolean {
  if (processId === undefined) return false;
  try {
    process.kill(processId, 0);
  } catch {
    return false;
  }
  // Where nothing reaps orphans (a container without init), a dead one stays listed as a zombie.
  const status = `/proc/${String(processId)}/status`;
  return !existsSync(status) || !/^State:\s+Z/m.test(readFileSync(status, "utf8"));
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 300 && !condition(); tries += 1) await sleep(50);
  expect(condition()).toBe(true);
}
