import { connect } from "node:net";
import type { Socket } from "node:net";
import { PostgresError } from "./errors.ts";
import { message, parseRow, readMessages, serverError, signOn, startupMessage, text } from "./wire.ts";
import type { Message } from "./wire.ts";

/** What one statement gave: its rows as text, as psql would show them. */
export interface StatementResult {
  /** Empty for statements that return no rows. */
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | null)[])[];
  /** The server's word for what happened: `UPDATE 1`. */
  readonly tag: string;
}

/** One session with a server of the sandbox, as a user of that system would have. One statement text at a time. */
export interface PostgresClient {
  /**
   * Runs one or several statements. The session stays usable after an error.
   *
   * @throws {PostgresError} ACCORD_POSTGRES_STATEMENT with the server's message
   */
  run(statements: string): Promise<readonly StatementResult[]>;
  close(): Promise<void>;
}

/**
 * Opens a session at the address that a server of ours gave. It shares no code with Accord's connector: what it sees is evidence.
 *
 * @throws {PostgresError} ACCORD_POSTGRES_STATEMENT when the server is not there or refuses us
 */
export async function openPostgresClient(url: string): Promise<PostgresClient> {
  const address = new URL(url);
  const port = Number(address.port);
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  const messages = readMessages(socket);
  try {
    socket.write(
      startupMessage({
        port,
        user: decodeURIComponent(address.username),
        password: "",
        database: decodeURIComponent(address.pathname.slice(1)),
      }),
    );
    await signOn(socket, messages, decodeURIComponent(address.password));
  } catch (error) {
    socket.destroy();
    throw failureOf(port, error);
  }
  return new Session(socket, messages, port);
}

class Session implements PostgresClient {
  readonly #socket: Socket;
  readonly #messages: AsyncIterator<Message>;
  readonly #port: number;
  #last: Promise<unknown> = Promise.resolve();

  constructor(socket: Socket, messages: AsyncIterator<Message>, port: number) {
    this.#socket = socket;
    this.#messages = messages;
    this.#port = port;
  }

  run(statements: string): Promise<readonly StatementResult[]> {
    const result = this.#last.then(() => this.#run(statements));
    this.#last = result.catch(() => undefined);
    return result;
  }

  async close(): Promise<void> {
    await this.#last;
    this.#socket.end(message("X"));
    this.#socket.destroy();
  }

  async #run(statements: string): Promise<readonly StatementResult[]> {
    this.#socket.write(message("Q", text(statements)));
    const results: StatementResult[] = [];
    let columns: string[] = [];
    let rows: (string | null)[][] = [];
    let failure: Error | null = null;
    for (;;) {
      const { type, body } = await this.#next();
      if (type === "T") columns = parseColumns(body);
      if (type === "D") rows.push(parseRow(body));
      if (type === "E") failure ??= serverError(body);
      if (type === "C") {
        results.push({ columns, rows, tag: body.toString("utf8", 0, body.length - 1) });
        columns = [];
        rows = [];
      }
      if (type !== "Z") continue;
      if (failure !== null) throw failureOf(this.#port, failure);
      return results;
    }
  }

  async #next(): Promise<Message> {
    try {
      const result = await this.#messages.next();
      if (result.done !== true) return result.value;
    } catch (error) {
      throw failureOf(this.#port, error);
    }
    throw failureOf(this.#port, new Error("the server closed the connection"));
  }
}

/** RowDescription: a count, then per column its name and 18 bytes about it. */
function parseColumns(body: Buffer): string[] {
  const names: string[] = [];
  let offset = 2;
  for (let column = body.readInt16BE(0); column > 0; column -= 1) {
    const end = body.indexOf(0, offset);
    names.push(body.toString("utf8", offset, end));
    offset = end + 19;
  }
  return names;
}

function failureOf(port: number, error: unknown): PostgresError {
  if (error instanceof PostgresError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new PostgresError("ACCORD_POSTGRES_STATEMENT", `PostgreSQL on port ${String(port)}: ${reason}`, error);
}
