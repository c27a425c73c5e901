import { createHash, randomBytes } from "node:crypto";
import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { Binaries } from "./binaries.ts";
import { cached, copyFolder, isOurs } from "./cache-folder.ts";
import { runProgram } from "./child.ts";
import { diskFull, lastLines, PostgresError, saysDiskFull, systemCode } from "./errors.ts";
import { quotedLinesMax } from "./limits.ts";
import { canReach, chooseServerUser, currentUid } from "./server-user.ts";
import type { ServerUser } from "./server-user.ts";

/** Name of the superuser in every server of the sandbox. */
export const superuser = "postgres";

/** The superuser's password lies inside the data directory, which only the server's user can enter. */
const passwordFile = "accord-superuser-password";

/**
 * How data directories are made. UTF-8 with PostgreSQL's own C.UTF-8 locale: the same order and case rules on every machine.
 * Passwords are asked for even on loopback: on a shared machine another user could otherwise run programs as us.
 */
const initdbArguments: readonly string[] = [
  `--username=${superuser}`,
  "--encoding=UTF8",
  "--no-locale",
  "--locale-provider=builtin",
  "--builtin-locale=C.UTF-8",
  "--auth=scram-sha-256",
  "--no-sync",
  "--no-instructions",
];

/**
 * A folder for lasting data that the server can use: `preferred`, or, when we are root and `preferred` lies below a folder that the server's
 * unprivileged user cannot pass (a clone in /root), one in /var/tmp that always belongs to `preferred`. Creates nothing.
 */
export function usableDataDirectory(preferred: string): string {
  const full = resolve(preferred);
  const user = chooseServerUser();
  if (!user.isOther || canReach(user, nearestExisting(full))) return full;
  const mark = createHash("sha256").update(full).digest("hex").slice(0, 12);
  const base = `/var/tmp/accord-postgres-data-${String(currentUid())}`;
  if (existsSync(base) && !isOurs(base)) {
    throw new PostgresError("ACCORD_POSTGRES_DIRECTORY", `${base} was made by another user: remove it, or choose another data directory`);
  }
  return join(base, mark, basename(full));
}

/**
 * The user for a given data directory. As root, a directory that already belongs to a plain user is run as that user.
 *
 * @throws {PostgresError} ACCORD_POSTGRES_USER when we are not root and the directory is another user's
 */
export function userOfDataDirectory(dataDirectory: string, user: ServerUser): ServerUser {
  if (!existsSync(dataDirectory)) return user;
  const { uid, gid } = statSync(dataDirectory);
  if (uid === user.uid) return user;
  if (user.isOther) {
    const holdsData = uid !== 0 && existsSync(join(dataDirectory, "PG_VERSION"));
    return holdsData ? { name: `uid ${String(uid)}`, uid, gid, isOther: true } : user;
  }
  throw new PostgresError(
    "ACCORD_POSTGRES_USER",
    `the data directory ${dataDirectory} belongs to the user with id ${String(uid)}: run as that user, or choose another directory`,
  );
}

/**
 * Makes a lasting data directory, unless it is there already, and returns the superuser's password.
 * It appears complete or not at all: it is prepared beside its place and renamed.
 *
 * @throws {PostgresError} ACCORD_POSTGRES_DIRECTORY, ACCORD_POSTGRES_INITDB, ACCORD_DISK_FULL
 */
export async function openDataDirectory(
  dataDirectory: string,
  binaries: Binaries,
  user: ServerUser,
  cacheFolder: string,
  signal: AbortSignal | undefined,
): Promise<string> {
  const parent = dirname(dataDirectory);
  try {
    createParents(parent);
  } catch (error) {
    if (saysDiskFull(error)) throw diskFull(parent, error);
    throw new PostgresError(
      "ACCORD_POSTGRES_DIRECTORY",
      `cannot create ${parent} (${systemCode(error) ?? "?"}): choose another data directory`,
      error,
    );
  }
  if (user.isOther && !canReach(user, parent)) {
    const message = `the user ${user.name}, who runs PostgreSQL for root, cannot enter ${parent}: choose a data directory below /var/tmp or /srv`;
    throw new PostgresError("ACCORD_POSTGRES_DIRECTORY", message);
  }
  if (!existsSync(dataDirectory) || readdirSync(dataDirectory).length === 0) {
    await createDataDirectory(dataDirectory, binaries, user, cacheFolder, signal);
  }
  checkVersion(dataDirectory, binaries);
  return readPassword(dataDirectory);
}

/** A new temporary folder for one server; its data directory is `data` in it. */
export function createTemporaryFolder(cacheFolder: string): string {
  const folder = mkdtempSync(join(cacheFolder, "run-"));
  chmodSync(folder, 0o711);
  return folder;
}

/** Copies the template to `place`, as the server's user's own. */
export async function copyTemplate(
  place: string,
  binaries: Binaries,
  user: ServerUser,
  cacheFolder: string,
  signal: AbortSignal | undefined,
): Promise<string> {
  const template = await cachedTemplate(binaries, user, cacheFolder, signal);
  await copyFolder(template.content, place, signal);
  const { password } = template.manifest;
  writeFileSync(join(place, passwordFile), password, { mode: 0o600 });
  chmodSync(place, 0o700);
  if (user.isOther) await runProgram("chown", ["-R", `${String(user.uid)}:${String(user.gid)}`, place], { signal });
  return password;
}

async function createDataDirectory(
  dataDirectory: string,
  binaries: Binaries,
  user: ServerUser,
  cacheFolder: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const draft = `${dataDirectory}.new-${randomBytes(4).toString("hex")}`;
  try {
    await copyTemplate(draft, binaries, user, cacheFolder, signal);
    // The template was made without waiting for the disk; data that are to last must be on it.
    await runProgram(binaries.initdb, ["--sync-only", `--pgdata=${draft}`], { user, signal });
    renameSync(draft, dataDirectory);
  } catch (error) {
    // Another process was faster: use what it made.
    if (systemCode(error) !== "ENOTEMPTY" && systemCode(error) !== "EEXIST") throw error;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/** A data directory fresh from initdb, made once per version and set of arguments (0.6 s) and then copied (0.05 s). */
function cachedTemplate(
  binaries: Binaries,
  user: ServerUser,
  cacheFolder: string,
  signal: AbortSignal | undefined,
): Promise<{ readonly content: string; readonly manifest: { readonly password: string } }> {
  const mark = createHash("sha256").update(initdbArguments.join(" ")).digest("hex").slice(0, 8);
  return cached(cacheFolder, `template-${binaries.version}-${mark}`, async (content) => {
    const password = randomBytes(18).toString("base64url");
    const work = createTemporaryFolder(cacheFolder);
    try {
      await runInitdb(join(work, "data"), password, binaries, user, signal);
      await copyFolder(join(work, "data"), content, signal);
      // The template stays ours, not the server user's: another process of that user could change it under later servers.
      chmodSync(content, 0o700);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
    return password;
  });
}

async function runInitdb(
  dataDirectory: string,
  password: string,
  binaries: Binaries,
  user: ServerUser,
  signal: AbortSignal | undefined,
): Promise<void> {
  const secret = `${dataDirectory}-password`;
  mkdirSync(dataDirectory, { mode: 0o700 });
  writeFileSync(secret, `${password}\n`, { mode: 0o600 });
  if (user.isOther) await runProgram("chown", [`${String(user.uid)}:${String(user.gid)}`, dataDirectory, secret], { signal });
  const args = [`--pgdata=${dataDirectory}`, `--pwfile=${secret}`, ...initdbArguments];
  const { code, output } = await runProgram(binaries.initdb, args, { user, signal });
  if (code === 0) return;
  if (saysDiskFull(output)) throw diskFull(dataDirectory, new Error(output.trim()));
  throw new PostgresError("ACCORD_POSTGRES_INITDB", `initdb failed (exit ${String(code)}): ${lastLines(output, quotedLinesMax)}`);
}

function checkVersion(dataDirectory: string, binaries: Binaries): void {
  const file = join(dataDirectory, "PG_VERSION");
  if (!existsSync(file)) {
    const message = `${dataDirectory} is not empty and not a PostgreSQL data directory: choose another, or empty it`;
    throw new PostgresError("ACCORD_POSTGRES_DIRECTORY", message);
  }
  const version = readFileSync(file, "utf8").trim();
  if (version === binaries.majorVersion) return;
  throw new PostgresError(
    "ACCORD_POSTGRES_DIRECTORY",
    `${dataDirectory} was made by PostgreSQL ${version} and this is ${binaries.majorVersion}: choose another directory`,
  );
}

/** Empty when the directory was not made by this launcher; then the caller has to know the password. */
function readPassword(dataDirectory: string): string {
  const file = join(dataDirectory, passwordFile);
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}

/** Remembers a changed password for the next start. */
export function writePassword(dataDirectory: string, password: string): void {
  // The directory belongs to the server's user: as root, a link that this user left there must not be followed.
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW;
  const file = openSync(join(dataDirectory, passwordFile), flags, 0o600);
  try {
    writeFileSync(file, password);
  } finally {
    closeSync(file);
  }
}

/** Makes missing folders open to be passed, whatever the umask, since the server's user may be another one. */
function createParents(folder: string): void {
  if (existsSync(folder)) return;
  createParents(dirname(folder));
  mkdirSync(folder, { mode: 0o755 });
  if (currentUid() === 0) chmodSync(folder, 0o755);
}

function nearestExisting(path: string): string {
  return existsSync(path) || path === dirname(path) ? path : nearestExisting(dirname(path));
}
