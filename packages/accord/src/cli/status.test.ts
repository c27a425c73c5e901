import { renameSync } from "node:fs";
import { createShop } from "@accord/testkit";
import type { Shop } from "@accord/testkit";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { feedWarning, showBehind, showRetained } from "./feed-status.ts";
import type { StatusJson } from "./status-json.ts";

// Each command is a process of its own: on a busy machine a dozen of them take a while.
vi.setConfig({ testTimeout: 120_000 });

let line: Shop;

beforeEach(() => {
  line = createShop();
});

afterEach(() => line.remove());

test("status tells how far each feed is behind, though nobody follows it, and what the system keeps for us meanwhile", async () => {
  await line.begin();
  line.crm.exec("INSERT INTO contacts (email, name) VALUES ('ann@x.org', 'Ann'), ('bob@x.org', 'Bob')");
  const { connections } = await line.json<StatusJson>("status");
  expect(connections.map(({ connection, feed }) => [connection, feed])).toEqual([
    ["crm", { kind: "standing", behind: 2, unit: "changes", retainedBytes: 80, retainedBytesMax: null, isKept: true }],
    ["erp", { kind: "standing", behind: 0, unit: "changes", retainedBytes: 0, retainedBytesMax: null, isKept: true }],
  ]);
  const { out } = await line.run(["status"]);
  expect(out).toMatch(/crm +2 changes +80 B/);
  expect(out).toMatch(/erp +nothing +0 B/);
  const offline = await line.json<StatusJson>("status", "--offline");
  expect(offline.connections.map(({ feed }) => feed)).toEqual([null, null]);
});

test("a system that cannot be asked is said so, and the rest is shown", async () => {
  await line.begin();
  line.erp.close();
  renameSync(line.path("erp.db"), line.path("away.db"));
  const ended = await line.run(["status"]);
  expect(ended).toMatchObject({ code: 0, error: "" });
  expect(ended.out).toMatch(/erp could not be asked how far its feed is behind \(.*erp\.db/);
  expect(ended.out).toMatch(/crm +nothing/);
  renameSync(line.path("away.db"), line.path("erp.db"));
  line.erp.open();
});

test("the log that a server keeps for us is told with its limit, and warned of before it is reached", () => {
  const feed = {
    kind: "standing",
    behind: 1_500_000,
    unit: "bytes",
    retainedBytes: 900_000,
    retainedBytesMax: 2_000_000,
    isKept: true,
  } as const;
  expect([showBehind(feed), showRetained(feed), feedWarning("erp", feed)]).toEqual(["1.5 MB of log", "900.0 kB of 2.0 MB", null]);
  expect(feedWarning("erp", { ...feed, retainedBytes: 1_000_000 })).toBe(
    "erp keeps 1.0 MB of log on its disk for Accord; at 2.0 MB the feed is given up. Start accord run, or accord uninstall if it is not to run again.",
  );
  expect(feedWarning("erp", { ...feed, retainedBytes: 2_000_000 })).toContain("more than the limit of 2.0 MB");
  expect(feedWarning("erp", { ...feed, isKept: false })).toContain("lists everything there again");
});
