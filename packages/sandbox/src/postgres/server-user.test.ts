import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { canReach, chooseServerUser } from "./server-user.ts";

const passwd =
  "root:x:0:0::/root:/bin/sh\nbroken\ntoor:x:0:0::/:/bin/sh\nann:x:1000:1001::/home/ann:/bin/sh\nnobody:x:65534:65533::/:/bin/false\n";

test("a plain user runs the server as itself", () => {
  expect(chooseServerUser(1000, () => passwd)).toMatchObject({ uid: 1000, isOther: false });
});

test("root runs the server as nobody, or as any account that is not root", () => {
  expect(chooseServerUser(0, () => passwd)).toEqual({ name: "nobody", uid: 65_534, gid: 65_533, isOther: true });
  expect(chooseServerUser(0, () => passwd.replace("nobody", "other"))).toMatchObject({ name: "ann", uid: 1000, gid: 1001 });
});

test("root without any other account is told what to do", () => {
  expect(() => chooseServerUser(0, () => "root:x:0:0::/root:/bin/sh\n")).toThrow("create one with `useradd postgres`");
  expect(() =>
    chooseServerUser(0, () => {
      throw new Error("ENOENT");
    }),
  ).toThrow("create one with `useradd postgres`");
});

test("a folder closed to others anywhere above stops a user who does not own it", () => {
  const folder = mkdtempSync(join(tmpdir(), "accord-user-test-"));
  const inner = join(folder, "inner");
  const stranger = { name: "stranger", uid: 54_321, gid: 54_321, isOther: true };
  try {
    chmodSync(folder, 0o755);
    mkdirSync(inner);
    chmodSync(inner, 0o755);
    writeFileSync(join(inner, "file"), "");
    chmodSync(join(inner, "file"), 0o644);
    expect(canReach(stranger, join(inner, "file"))).toBe(true);
    chmodSync(folder, 0o700);
    expect(canReach(stranger, join(inner, "file"))).toBe(false);
    expect(canReach({ ...stranger, uid: process.getuid?.() ?? 0 }, join(inner, "file"))).toBe(true);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
