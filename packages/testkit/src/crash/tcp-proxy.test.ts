import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startTcpProxy } from "./tcp-proxy.ts";
import type { TcpProxy } from "./tcp-proxy.ts";

/** One end of a connection, with what it has heard so far. */
interface End {
  readonly socket: Socket;
  heard: string;
  /** How the connection ended for it, or null while it stands. */
  end: "ended" | "reset" | null;
}

let server: Server;
let proxy: TcpProxy;
let accepted: End[] = [];
const ends: Socket[] = [];

beforeEach(async () => {
  accepted = [];
  server = createServer((socket) => accepted.push(watched(socket))).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  proxy = await startTcpProxy(typeof address === "object" && address !== null ? address.port : 0);
});

afterEach(async () => {
  await proxy.close();
  for (const socket of ends.splice(0)) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

test("what is not disturbed passes both ways, unaltered and in order, and an end of one side is told to the other", async () => {
  const [client, far] = await pair();
  const text = "x".repeat(300_000);
  client.socket.write(`${text}end`);
  await until(() => far.heard === `${text}end`);
  far.socket.write("answer");
  await until(() => client.heard === "answer");
  expect(proxy.connections).toBe(1);
  client.socket.end();
  await until(() => far.end === "ended" && proxy.connections === 0);
});

test("a cut resets both ends at once, and the next connection gets through", async () => {
  const [client, far] = await pair();
  proxy.disturb({ kind: "cut" });
  await until(() => client.end === "reset" && far.end === "reset");
  expect(proxy.mend()).toBe(1);
  const [next, beyond] = await pair();
  next.socket.write("hello");
  await until(() => beyond.heard === "hello");
});

test("new connections are refused until all is mended", async () => {
  proxy.disturb({ kind: "refuse" });
  const refused = dial();
  await until(() => refused.end === "reset");
  expect(proxy.mend()).toBe(1);
  await pair();
});

test("delayed bytes arrive later and in order; mending lets them go at once", async () => {
  const [client, far] = await pair();
  proxy.disturb({ kind: "delay", delayMs: 60 });
  const sentAtMs = performance.now();
  client.socket.write("a");
  await sleep(20);
  client.socket.write("b");
  await until(() => far.heard === "ab");
  expect(performance.now() - sentAtMs).toBeGreaterThan(70);
  proxy.disturb({ kind: "delay", delayMs: 60_000 });
  far.socket.write("c");
  await sleep(20);
  expect(client.heard).toBe("");
  expect(proxy.mend()).toBe(1);
  await until(() => client.heard === "c");
});

test("dropped bytes never arrive, the other direction goes on, and mending cuts what lost something", async () => {
  const [client, far] = await pair();
  proxy.disturb({ kind: "drop", direction: "answers" });
  client.socket.write("asked");
  await until(() => far.heard === "asked");
  far.socket.write("lost");
  await sleep(20);
  expect([client.heard, client.end]).toEqual(["", null]);
  expect(proxy.mend()).toBe(1);
  await until(() => client.end === "reset" && far.end === "reset");
});

test("a truncated message arrives in part, and then both ends see the end", async () => {
  const [client, far] = await pair();
  proxy.disturb({ kind: "truncate", direction: "requests", share: 0.5 });
  client.socket.write("half of this");
  await until(() => far.end !== null && client.end !== null);
  expect(far.heard).toBe("half o");
  expect(proxy.mend()).toBe(1);
});

test("a half-open connection stands still one way, though its sender hangs up; what it held arrives late, in order, with the end", async () => {
  const [client, far] = await pair();
  proxy.disturb({ kind: "hold", direction: "requests" });
  far.socket.write("heard");
  await until(() => client.heard === "heard");
  client.socket.write("late, ");
  client.socket.write("not lost");
  await sleep(20);
  client.socket.destroy();
  await sleep(20);
  expect([far.heard, far.end]).toEqual(["", null]);
  expect(proxy.mend()).toBe(1);
  await until(() => far.heard === "late, not lost" && far.end === "ended");
});

test("connections that went silent stay so, whatever is mended; new ones get through", async () => {
  const [client, far] = await pair();
  expect(proxy.silence("answers")).toBe(1);
  far.socket.write("never heard");
  proxy.disturb({ kind: "cut" });
  proxy.mend();
  const [next, beyond] = await pair();
  beyond.socket.write("heard");
  await until(() => next.heard === "heard");
  expect([client.heard, client.end]).toEqual(["", null]);
});

test("connections of a fault that were not touched by it are not counted", async () => {
  await pair();
  proxy.disturb({ kind: "truncate", direction: "answers", share: 0.5 });
  expect(proxy.mend()).toBe(0);
});

async function pair(): Promise<readonly [End, End]> {
  const before = accepted.length;
  const client = dial();
  await until(() => accepted.length > before);
  const far = accepted.at(-1);
  if (far === undefined) throw new Error("nobody was accepted");
  return [client, far];
}

function dial(): End {
  return watched(connect({ port: proxy.port, host: "127.0.0.1" }));
}

function watched(socket: Socket): End {
  ends.push(socket);
  const end: End = { socket, heard: "", end: null };
  socket.setEncoding("utf8").on("data", (text: string) => (end.heard += text));
  socket.on("error", () => (end.end = "reset"));
  socket.on("end", () => (end.end ??= "ended"));
  return end;
}

async function until(isSo: () => boolean): Promise<void> {
  const endMs = performance.now() + 5_000;
  while (!isSo()) {
    if (performance.now() > endMs) throw new Error("it did not come to that within 5 s");
    await sleep(2);
  }
}
