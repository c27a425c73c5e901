import { describe, expect, test } from "vitest";
import { postgresConnector } from "./connector.ts";
import { readSettings, withinLease, writeDeadlineMs } from "./settings.ts";

describe("settings of a PostgreSQL connection", () => {
  test("an address is taken apart, with special characters decoded", () => {
    const { value, problems } = readSettings({ url: "postgres://us%20er:p%40ss%2Fword@db.example.com:6543/sh%20op?sslmode=require" });
    expect(problems).toEqual([]);
    expect(value).toMatchObject({
      host: "db.example.com",
      port: 6543,
      user: "us er",
      password: "p@ss/word",
      database: "sh op",
      tls: { mode: "require" },
      capture: "auto",
    });
  });

  test("single settings complete an address, and the database is named as the user unless told", () => {
    expect(readSettings({ host: "::1", user: "app" }).value).toMatchObject({ host: "::1", port: 5432, database: "app", password: null });
    expect(readSettings({ url: "postgresql://app@[::1]/shop", password: "x", port: "5433" }).value).toMatchObject({
      host: "::1",
      port: 5433,
      password: "x",
    });
  });

  test("TLS is verified in full off this machine, and not asked for on it", () => {
    expect(modeOf({ host: "db.example.com" })).toBe("verify-full");
    expect(modeOf({ host: "10.0.0.1" })).toBe("verify-full");
    for (const host of ["localhost", "127.0.0.1", "::1", "/var/run/postgresql"]) expect(modeOf({ host })).toBe("off");
    expect(modeOf({ host: "localhost", tls: true })).toBe("verify-full");
    expect(modeOf({ host: "db.example.com", tls: "off" })).toBe("off");
    expect(modeOf({ host: "db.example.com", tls: { mode: "verify-ca" } })).toBe("verify-ca");
  });

  test("[S32] the timeouts of writes are cut down so that a write ends before the lease does; the others stay", () => {
    const { value } = readSettings({ host: "localhost", user: "app" });
    expect(writeDeadlineMs(value)).toBe(70_000);
    const bounded = withinLease(value, 11_500);
    expect(bounded).toMatchObject({ statementTimeoutMs: 30_000, lockTimeoutMs: 10_000, writeTimeoutMs: 4_312, writeLockTimeoutMs: 2_875 });
    for (const requestMsMax of [700, 11_500, 52_000, 69_999])
      expect(writeDeadlineMs(withinLease(value, requestMsMax))).toBeLessThanOrEqual(requestMsMax);
    expect(withinLease(value, 70_000)).toBe(value);
    expect(withinLease(value, undefined)).toBe(value);
  });

  test("every problem names its key and a remedy, and never a secret", () => {
    const problems = postgresConnector.checkSettings({
      url: "mysql://u:top-secret@h/d",
      colour: "red",
      port: 0,
      password: 7,
      capture: "magic",
      tls: { ca: "/nowhere/ca.pem", other: 1 },
      limits: { poolSizeMax: 0, speed: 9 },
    });
    expect(problems.map(({ key }) => key).toSorted()).toEqual([
      "capture",
      "colour",
      "limits.poolSizeMax",
      "limits.speed",
      "password",
      "port",
      "tls.ca",
      "tls.other",
      "url",
    ]);
    for (const { problem, remedy } of problems) expect(problem.length * remedy.length).toBeGreaterThan(0);
    expect(JSON.stringify(problems)).not.toContain("top-secret");
  });

  test("a connection with problems cannot be made", () => {
    const context = {
      name: "erp",
      installation: "test",
      clock: { nowMs: () => 0, elapsedMs: () => 0, sleep: async () => {} },
      random: { hex: () => "" },
      log: { debug() {}, info() {}, warn() {}, error() {} },
    };
    expect(() => postgresConnector.connect({}, context)).toThrow(/connection "erp", `host` is missing/);
  });
});

function modeOf(settings: Readonly<Record<string, unknown>>): string {
  return readSettings({ user: "u", ...settings }).value.tls.mode;
}
