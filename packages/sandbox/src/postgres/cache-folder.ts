import { randomBytes } from "node:crypto";
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runProgram } from "./child.ts";
import { diskFull, PostgresError, saysDiskFull, systemCode } from "./errors.ts";
import { canReach, currentUid } from "./server-user.ts";
import type { ServerUser } from "./server-user.ts";

const manifestName = "manifest.json";

/** What a finished cache entry says about itself. */
export interface Manifest {
  /** Number of files; a cleaner of temporary folders may have removed some, then the entry is made anew. */
  readonly files: number;
  /** The superuser's password inside a template; empty for binaries. */
  readonly password: string;
}

/** One complete entry of the cache. Entries are never changed once they are in place. */
export interface CacheEntry {
  /** The folder with the content. */
  readonly content: string;
  readonly manifest: Manifest;
}

/**
 * The folder in which this user's servers live and what they share is cached. Every user has one, that nobody else can write to:
 * a stranger who could, could make us run his code. A folder of that name that is not ours, or open to others, is not trusted; a new one is made.
 *
 * @param user the user who runs the server and must be able to pass through
 */
export function openCacheFolder(user: ServerUser): string {
  const base = temporaryBase(user);
  const folder = join(base, `accord-postgres-${String(currentUid())}`);
  try {
    mkdirSync(folder, { mode: 0o711 });
    // The process may have a umask that closes the folder to the server's user.
    chmodSync(folder, 0o711);
  } catch (error) {
    if (saysDiskFull(error)) throw diskFull(base, error);
    if (systemCode(error) !== "EEXIST") throw error;
  }
  if (isOurs(folder)) return folder;
  const own = mkdtempSync(`${folder}-`);
  chmodSync(own, 0o711);
  return own;
}

/**
 * The entry `name`, made by `fill` if it is missing or damaged. Two processes may make it at once: the first to finish wins.
 *
 * @param fill puts the content into the empty folder it is given and returns the password to remember, or ""
 */
export async function cached(cacheFolder: string, name: string, fill: (content: string) => Promise<string>): Promise<CacheEntry> {
  const place = join(cacheFolder, name);
  const present = readEntry(place);
  if (present !== undefined) return present;
  const draft = join(cacheFolder, `draft-${randomBytes(6).toString("hex")}`);
  try {
    mkdirSync(draft, { mode: 0o711 });
    chmodSync(draft, 0o711);
    const password = await fill(join(draft, "content"));
    const manifest: Manifest = { files: countFiles(join(draft, "content")), password };
    writeFileSync(join(draft, manifestName), JSON.stringify(manifest), { mode: 0o600 });
    return settleEntry(draft, place);
  } catch (error) {
    if (saysDiskFull(error)) throw diskFull(cacheFolder, error);
    throw error;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/** Copies a folder with everything in it, as `cp -R` does: four times as fast as Node's own copy of a thousand small files. */
export async function copyFolder(from: string, to: string, signal: AbortSignal | undefined): Promise<void> {
  const { code, output } = await runProgram("cp", ["-R", from, to], { signal });
  if (code === 0) return;
  if (saysDiskFull(output)) throw diskFull(to, new Error(output.trim()));
  throw new PostgresError("ACCORD_POSTGRES_DIRECTORY", `could not copy ${from} to ${to}: ${output.trim().split("\n").at(0) ?? ""}`);
}

/** Where temporary folders may lie: the system's place, unless the server's user cannot get there (TMPDIR below /root). */
function temporaryBase(user: ServerUser): string {
  for (const folder of [tmpdir(), "/tmp", "/var/tmp"]) {
    try {
      if (canReach({ ...user, gid: -1 }, folder) || !user.isOther) return folder;
    } catch {
      // It does not exist: the next one.
    }
  }
  throw new PostgresError(
    "ACCORD_POSTGRES_DIRECTORY",
    `no temporary folder is open to the user ${user.name}, who runs PostgreSQL: set TMPDIR to one that is`,
  );
}

/** Whether a folder is a real one (no link), belongs to us, and only we can write to it. */
export function isOurs(folder: string): boolean {
  const status = lstatSync(folder);
  return status.isDirectory() && status.uid === currentUid() && (status.mode & 0o022) === 0;
}

/** Moves a finished draft to its place, over a damaged entry, and yields to a complete one that appeared meanwhile. */
function settleEntry(draft: string, place: string): CacheEntry {
  for (let attempt = 1; ; attempt += 1) {
    try {
      renameSync(draft, place);
    } catch (error) {
      if (systemCode(error) !== "ENOTEMPTY" && systemCode(error) !== "EEXIST") throw error;
    }
    const entry = readEntry(place);
    if (entry !== undefined) return entry;
    if (attempt === 3) throw new PostgresError("ACCORD_POSTGRES_DIRECTORY", `the cache ${place} is damaged: remove it and try again`);
    rmSync(place, { recursive: true, force: true });
  }
}

function readEntry(place: string): CacheEntry | undefined {
  try {
    const parsed: unknown = JSON.parse(readFileSync(join(place, manifestName), "utf8"));
    const content = join(place, "content");
    if (!isManifest(parsed) || parsed.files !== countFiles(content)) return undefined;
    return { content, manifest: parsed };
  } catch {
    return undefined;
  }
}

function isManifest(value: unknown): value is Manifest {
  if (typeof value !== "object" || value === null) return false;
  return "files" in value && typeof value.files === "number" && "password" in value && typeof value.password === "string";
}

function countFiles(folder: string): number {
  return readdirSync(folder, { recursive: true }).length;
}
