import { setTimeout as sleep } from "node:timers/promises";
import { openPostgresClient } from "@accord/sandbox/postgres";
import type { PostgresClient, StatementResult } from "@accord/sandbox/postgres";

/** The server went away while it was asked: whether it did what it was asked for has to be looked up. */
export class SessionLost extends Error {}

/** A session with a server that may be killed and comes back: it signs on again as soon as it can. */
export interface LastingSession {
  /** Waits for the server to be there. @throws {SessionLost} where it goes away with the statements under way; what the server says of them otherwise */
  run(statements: string): Promise<readonly StatementResult[]>;
  /** The last result's rows, asked for again until there is an answer: for statements that change nothing. */
  rows(statement: string): Promise<readonly (readonly (string | null)[])[]>;
  close(): Promise<void>;
}

/** A server that was killed is back within this. Milliseconds. */
const BACK_WITHIN_MS = 60_000;
const KNOCK_MS = 20;

export async function openLastingSession(url: string): Promise<LastingSession> {
  let client: PostgresClient | null = await signOn(url);
  const run: LastingSession["run"] = async (statements) => {
    client ??= await signOn(url);
    try {
      return await client.run(statements);
    } catch (error) {
      if (!isGone(error)) throw error;
      client = null;
      throw new SessionLost("the server went away", { cause: error });
    }
  };
  const rows: LastingSession["rows"] = async (statement) => {
    for (;;) {
      try {
        return (await run(statement)).at(-1)?.rows ?? [];
      } catch (error) {
        if (!(error instanceof SessionLost)) throw error;
      }
    }
  };
  return { run, rows, close: async () => client?.close() };
}

/** Signs on, for as long as a restart may take. */
async function signOn(url: string): Promise<PostgresClient> {
  const endMs = performance.now() + BACK_WITHIN_MS;
  for (;;) {
    try {
      return await openPostgresClient(url);
    } catch (error) {
      if (!isGone(error) || performance.now() > endMs) throw error;
      await sleep(KNOCK_MS);
    }
  }
}

/** No answer, or one that says the server is ending or starting (class 57P). A session that was ended is closed by the server. */
function isGone(error: unknown): boolean {
  const state = error instanceof Error ? /SQLSTATE (\w+)/.exec(error.message)?.[1] : undefined;
  return state === undefined || state.startsWith("57P");
}
