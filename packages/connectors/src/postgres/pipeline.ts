import { createHash } from "node:crypto";
import type { Connection, Submittable } from "pg";
import { PREPARED_STATEMENTS_MAX } from "./limits.ts";

/** A cell as the server spells it, or null. */
export type Cell = string | null;

/** Rows of cells in the order of the statement's columns. */
export type Rows = readonly (readonly Cell[])[];

/** A parameter as a text, which the server casts, or as the bytes of its binary format. */
export type Parameter = Cell | Buffer;

export interface Statement {
  readonly text: string;
  readonly values: readonly Parameter[];
  /** Keeps the statement prepared in the session: for texts that recur. */
  readonly prepare?: boolean;
}

/**
 * Several statements in one round trip: parse, bind and execute of each, and one sync at the end. Up to the sync they are one implicit transaction: all of
 * them happen or none. [PostgreSQL manual, "Pipelining" of the extended query protocol] Parameters are sent apart from the text, so that neither the
 * server's log of slow or failed statements nor its statistics hold field values.
 *
 * Implements the interface by which `pg` lets other kinds of queries use its connections (as pg-cursor does).
 */
export class Pipeline implements Submittable {
  readonly result: Promise<readonly Rows[]>;
  readonly #statements: readonly Statement[];
  readonly #results: Cell[][][] = [];
  readonly #parsing: string[] = [];
  #isSent = false;
  #current: Cell[][] = [];
  #resolve: (rows: readonly Rows[]) => void = () => {};
  #reject: (error: unknown) => void = () => {};
  #stop: () => void = () => {};

  constructor(statements: readonly Statement[]) {
    this.#statements = statements;
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  submit(connection: Connection): void {
    const prepared = preparedBy(connection);
    const onParsed = (): void => {
      const name = this.#parsing.shift();
      if (name !== undefined && name !== "") prepared.add(name);
    };
    connection.on("parseComplete", onParsed);
    this.#stop = () => void connection.removeListener("parseComplete", onParsed);
    this.send(connection);
  }

  /** Sends the statements, once: `pg` calls {@link submit} when all before has been answered; whoever need not wait for that sends them earlier. */
  send(connection: Connection): void {
    if (this.#isSent) return;
    this.#isSent = true;
    const prepared = preparedBy(connection);
    connection.stream.cork();
    for (const statement of this.#statements) {
      const name = statement.prepare === true ? this.#nameFor(statement.text, prepared) : "";
      if (name === "" || (!prepared.has(name) && !this.#parsing.includes(name))) {
        this.#parsing.push(name);
        connection.parse({ name, text: statement.text, types: [] }, true);
      }
      connection.bind({ statement: name, values: [...statement.values] }, true);
      connection.execute({}, true);
    }
    connection.sync();
    connection.stream.uncork();
  }

  /** No name, hence no prepared statement, where the session holds enough of them. */
  #nameFor(text: string, prepared: ReadonlySet<string>): string {
    const name = nameOf(text);
    return prepared.has(name) || prepared.size + this.#parsing.length < PREPARED_STATEMENTS_MAX ? name : "";
  }

  handleDataRow(message: { readonly fields: Cell[] }): void {
    this.#current.push(message.fields);
  }

  handleCommandComplete(): void {
    this.#results.push(this.#current);
    this.#current = [];
  }

  handleEmptyQuery(): void {
    this.handleCommandComplete();
  }

  handleError(error: unknown): void {
    this.#stop();
    this.#reject(error);
  }

  handleReadyForQuery(): void {
    this.#stop();
    this.#resolve(this.#results);
  }

  handleRowDescription(): void {}
  handlePortalSuspended(): void {}
}

const preparedNames = new WeakMap<object, Set<string>>();

function preparedBy(connection: object): Set<string> {
  let names = preparedNames.get(connection);
  if (names === undefined) preparedNames.set(connection, (names = new Set()));
  return names;
}

const namesByText = new Map<string, string>();
const NAMES_MAX = 10_000;

/** The name of a prepared statement is a digest of its text: hashed once per text. */
function nameOf(text: string): string {
  let name = namesByText.get(text);
  if (name === undefined) {
    name = `accord_${createHash("sha256").update(text).digest("hex").slice(0, 32)}`;
    if (namesByText.size >= NAMES_MAX) namesByText.clear();
    namesByText.set(text, name);
  }
  return name;
}
