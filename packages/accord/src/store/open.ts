import { chmodSync, closeSync, existsSync, openSync, readSync, statSync } from "node:fs";
import { AccordError, type Random } from "@accord/engine/connector";
import { storeBroken, storeNewer } from "./errors.ts";
import { SHARDS } from "./limits.ts";
import { writeNewStore } from "./meta.ts";
import { MIGRATIONS } from "./migrations/migrations.ts";
import { openSession, type Session, type SessionOptions } from "./session.ts";

/** Marks a SQLite file as a store of Accord: "Accd". */
const APPLICATION_ID = 0x41636364;
const HEADER_BYTES = 100;
/** The first page, which another process may have written a moment ago on its way to a new store: what else it may be is seen when it is opened. */
const EMPTY_BYTES = 4_096;
const MAGIC = "SQLite format 3\0";

/** Opens or makes a store file: mode 0600, of a format this version knows, brought to the newest. @throws ACCORD_STORE_NEWER, ACCORD_STORE_BROKEN, ACCORD_STORE_FULL */
export function openStoreFile(file: string, random: Random, options: SessionOptions): Session {
  const isNew = prepareFile(file);
  if (!isNew) checkFile(file);
  const session = openSession(file, options);
  try {
    session.write(() => {
      migrate(session, random, isNew);
    });
    return session;
  } catch (error) {
    session.close();
    throw error;
  }
}

/** Whether a file is a store that this version can read, without changing it. @throws ACCORD_STORE_NEWER, ACCORD_STORE_BROKEN */
export function checkFile(file: string): void {
  const header = readHeader(file);
  if (header.length === 0) return;
  if (header.toString("latin1", 0, 16) !== MAGIC) throw storeBroken(file, "is no Accord store");
  // https://www.sqlite.org/fileformat.html#the_database_header: user version at byte 60, application id at byte 68. A store just made may still have both in its log.
  const applicationId = header.readUInt32BE(68);
  const format = header.readUInt32BE(60);
  const isInTheMaking = applicationId === 0 && (existsSync(`${file}-wal`) || statSync(file).size <= EMPTY_BYTES);
  if (applicationId !== APPLICATION_ID && !isInTheMaking) throw storeBroken(file, "is another program's database and no Accord store");
  if (format > MIGRATIONS.length) throw storeNewer(file, format, MIGRATIONS.length);
}

/** Makes an empty file that only its owner may read; SQLite gives its -wal and -shm the same mode. True where there was none, or an empty one. */
function prepareFile(file: string): boolean {
  try {
    closeSync(openSync(file, "a", 0o600));
    if ((statSync(file).mode & 0o777) !== 0o600) chmodSync(file, 0o600);
    return statSync(file).size === 0;
  } catch (error) {
    throw new AccordError(
      "ACCORD_STORE_UNREACHABLE",
      `The store ${file} cannot be opened for writing; let this user write the file and its folder.`,
      {
        remedy: "stop",
        where: file,
        cause: error,
      },
    );
  }
}

function readHeader(file: string): Buffer {
  const handle = openSync(file, "r");
  try {
    const header = Buffer.alloc(HEADER_BYTES);
    const length = readSync(handle, header, 0, HEADER_BYTES, 0);
    if (length > 0 && length < HEADER_BYTES) throw storeBroken(file, "is no Accord store");
    return header.subarray(0, length);
  } finally {
    closeSync(handle);
  }
}

function migrate(session: Session, random: Random, isNew: boolean): void {
  const number = (pragma: string): number => session.first<[number]>(`PRAGMA ${pragma}`)?.[0] ?? 0;
  const format = number("user_version");
  if (format > MIGRATIONS.length) throw storeNewer(session.file, format, MIGRATIONS.length);
  if (format === MIGRATIONS.length) {
    if (number("application_id") !== APPLICATION_ID) throw storeBroken(session.file, "is another program's database and no Accord store");
    return;
  }
  // Two processes may have found the empty file at once: what counts is whether it is empty now.
  if (format === 0 && !isNew && session.first("SELECT 1 FROM sqlite_schema LIMIT 1") !== undefined)
    throw storeBroken(session.file, "is no Accord store");
  for (const migration of MIGRATIONS.slice(format)) session.database.exec(migration);
  session.database.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
  session.database.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
  if (format === 0) writeNewStore(session, { storeId: random.hex(16), shards: SHARDS });
}
