import { DatabaseSync } from "node:sqlite";
import { openPostgresClient } from "@accord/sandbox/postgres";

/** What one statement gave, as its system's own command line would show it. */
export interface Shown {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | null)[])[];
  /** `UPDATE 1`, `3 rows changed`; empty for queries. */
  readonly tag: string;
}

/** A user of one of the two systems, with nothing of Accord in between: what it sees is the evidence. */
export interface SystemClient {
  readonly name: "crm" | "erp";
  /** Runs statements and commits. Fails with the system's own words; the client stays usable. */
  run(statements: string): Promise<readonly Shown[]>;
  close(): Promise<void>;
}

/** How long the CRM's user waits for a lock of somebody else. Milliseconds. */
const BUSY_MS = 5_000;

/** A session with the CRM's database file. */
export function openCrm(file: string): SystemClient {
  const database = new DatabaseSync(file, { timeout: BUSY_MS });
  return {
    name: "crm",
    // eslint-disable-next-line typescript/require-await -- the same shape as the ERP's client, whose answers come over a socket
    run: async (statements) => splitStatements(statements).map((statement) => runOne(database, statement)),
    close: async () => database.close(),
  };
}

/** A session with the ERP's database server. */
export async function openErp(url: string): Promise<SystemClient> {
  const client = await openPostgresClient(url);
  return {
    name: "erp",
    run: async (statements) =>
      (await client.run(statements)).map(({ columns, rows, tag }) => ({ columns, rows, tag: columns.length > 0 ? "" : tag })),
    close: () => client.close(),
  };
}

function runOne(database: DatabaseSync, text: string): Shown {
  const statement = database.prepare(text);
  const columns = statement.columns().map(({ name }) => name);
  if (columns.length === 0) {
    const { changes } = statement.run();
    return { columns, rows: [], tag: `${changes} ${Number(changes) === 1 ? "row" : "rows"} changed` };
  }
  statement.setReturnArrays(true);
  // With setReturnArrays each row is an array of its cells; node's types know rows as objects only.
  const rows = statement.all() as unknown as readonly (readonly (string | number | bigint | Uint8Array | null)[])[];
  return { columns, rows: rows.map((row) => row.map(cellText)), tag: "" };
}

function cellText(cell: string | number | bigint | Uint8Array | null): string | null {
  if (cell === null || typeof cell === "string") return cell;
  return cell instanceof Uint8Array ? `x'${Buffer.from(cell).toString("hex")}'` : String(cell);
}

/** Cuts at semicolons outside quotes. */
function splitStatements(text: string): string[] {
  const parts = text.match(/(?:'(?:[^']|'')*'|"(?:[^"]|"")*"|[^;'"])+/g) ?? [];
  return parts.map((part) => part.trim()).filter((part) => part !== "");
}
