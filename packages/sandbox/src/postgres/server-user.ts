import { readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { PostgresError } from "./errors.ts";

/** The operating-system user that runs the server, and what a child process needs to become it. */
export interface ServerUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** Whether we have to change to this user (we are root). A plain user runs the server as itself. */
  readonly isOther: boolean;
}

/** Accounts that exist on common systems and own nothing, best first. */
const preferredNames: readonly string[] = ["nobody", "postgres", "daemon"];

/**
 * The user to run the server as: ourselves, or as root an unprivileged one, since initdb and postgres refuse to run as root.
 *
 * @param passwd the text of the account file; replaced in tests
 * @throws {PostgresError} ACCORD_POSTGRES_USER when we are root and no account fits
 */
export function chooseServerUser(
  ownUid: number = currentUid(),
  passwd: () => string = () => readFileSync("/etc/passwd", "utf8"),
): ServerUser {
  if (ownUid !== 0) return { name: `uid ${String(ownUid)}`, uid: ownUid, gid: process.getgid?.() ?? ownUid, isOther: false };
  const accounts = parseAccounts(readAccounts(passwd));
  for (const name of preferredNames) {
    const account = accounts.find((candidate) => candidate.name === name);
    if (account !== undefined) return account;
  }
  const any = accounts.at(0);
  if (any !== undefined) return any;
  throw new PostgresError(
    "ACCORD_POSTGRES_USER",
    "PostgreSQL refuses to run as root and /etc/passwd names no other user: create one with `useradd postgres`, or run as a plain user",
  );
}

/** The user id of this process. Only Windows has none, and the launcher refuses Windows before. */
export function currentUid(): number {
  return process.getuid?.() ?? -1;
}

/** Whether `user` may pass through every folder above `path` and read `path` itself (enter it, if it is a folder). */
export function canReach(user: ServerUser, path: string): boolean {
  const full = resolve(path);
  if (!canPass(user, full, statSync(full).isDirectory() ? 0o5 : 0o4)) return false;
  for (let folder = dirname(full); ; folder = dirname(folder)) {
    if (!canPass(user, folder, 0o1)) return false;
    if (folder === dirname(folder)) return true;
  }
}

/** Whether the permission bits of `path` give `user` all of `wanted` (4 read, 2 write, 1 pass or execute). */
function canPass(user: ServerUser, path: string, wanted: number): boolean {
  const { mode, uid, gid } = statSync(path);
  const shift = uid === user.uid ? 6 : gid === user.gid ? 3 : 0;
  return ((mode >> shift) & wanted) === wanted;
}

function readAccounts(passwd: () => string): string {
  try {
    return passwd();
  } catch {
    return "";
  }
}

/** Lines of passwd(5): name:password:uid:gid:comment:home:shell. Root and malformed lines are left out. */
function parseAccounts(text: string): ServerUser[] {
  const accounts: ServerUser[] = [];
  for (const line of text.split("\n")) {
    const [name, , uid, gid] = line.split(":");
    if (name === undefined || !/^\d+$/.test(uid ?? "") || !/^\d+$/.test(gid ?? "") || Number(uid) === 0) continue;
    accounts.push({ name, uid: Number(uid), gid: Number(gid), isOther: true });
  }
  return accounts;
}
