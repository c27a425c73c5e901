import { createHash } from "node:crypto";
import { AccordError } from "@accord/engine/connector";

/** What `install` makes at a database for one installation. Tables are qualified SQL; they need no further quoting. */
export interface InstalledNames {
  readonly installation: string;
  /** Schema of everything below, as an identifier of SQL. */
  readonly schema: string;
  /** Replication slot, as the catalogs spell it. */
  readonly slot: string;
  /** Publication, as the catalogs spell it. */
  readonly publication: string;
  /** What stands for a store and an object in proof rows: `(ledger integer, store text, object text)`. */
  readonly ledgers: string;
  /** Proof rows [S27], the latest write of each entity: `(ledger integer, entity bigint, record text, intent text, turn bigint)`. */
  readonly applied: string;
  /** One proof row for many creates [S27]: `(ledger integer, block bigint, places smallint[], records text[], intents text[], turn bigint)`. */
  readonly appliedBatch: string;
  /** The sequence that numbers the statements that leave proof: of two rows about one entity or one record the later one counts. */
  readonly turns: string;
  /** The store's identity [S58], one row: `(store text, generation bigint, revision bigint, forgotten text)`. */
  readonly mark: string;
  /** The trigger log: `(seq bigint, xid xid8, object oid, op "char", records text[], former text)`. */
  readonly touched: string;
  /** The channel that wakes a waiting feed of the trigger log. */
  readonly channel: string;
}

const INSTALLATION = /^[a-z0-9_]{1,24}$/;

/**
 * The names of what an installation makes at a database. Two installations on one database share nothing.
 * Replication slots belong to the whole server, so the slot's name says the database as well: a project may keep two databases of one server in agreement.
 */
export function namesOf(installation: string, database: string): InstalledNames {
  if (!INSTALLATION.test(installation)) {
    throw new AccordError(
      "ACCORD_BUG",
      `The installation name "${installation}" must be 1 to 24 characters from a to z, 0 to 9 and _, since it becomes part of names in the database.`,
      { remedy: "stop" },
    );
  }
  const name = `accord_${installation}`;
  return {
    installation,
    schema: name,
    slot: `${name}_${slotPart(database)}`,
    publication: name,
    ledgers: `${name}.ledgers`,
    applied: `${name}.applied`,
    appliedBatch: `${name}.applied_batch`,
    turns: `${name}.turns`,
    mark: `${name}.mark`,
    touched: `${name}.touched`,
    channel: name,
  };
}

/** A database's name as part of a slot's name, which takes a to z, 0 to 9 and _, and 63 characters in all. */
function slotPart(database: string): string {
  if (/^[a-z0-9_]{1,31}$/.test(database)) return database;
  return createHash("sha256").update(database).digest("hex").slice(0, 16);
}

/** An identifier, quoted for SQL. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text, quoted for SQL whatever `standard_conforming_strings` says. */
export function quoteText(text: string): string {
  const quoted = `'${text.replaceAll("'", "''")}'`;
  return text.includes("\\") ? ` E${quoted.replaceAll("\\", "\\\\")}` : quoted;
}
