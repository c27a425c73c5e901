import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { PostgresError } from "./errors.ts";
import { statementMsMax } from "./limits.ts";

/** Where and as whom to run a statement. */
export interface WireTarget {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/** One message of the server: its type letter and its body without the length. */
export interface Message {
  readonly type: string;
  readonly body: Buffer;
}

/**
 * Runs one statement over PostgreSQL's protocol 3.0 and returns its rows as text: enough for a launcher that must not depend on a driver.
 * Signs on with SCRAM-SHA-256 (RFC 5802, RFC 7677), the only method our servers accept. For loopback only: no TLS.
 *
 * @throws {PostgresError} ACCORD_POSTGRES_STATEMENT with the server's message
 */
export async function runStatement(target: WireTarget, statement: string): Promise<readonly (readonly (string | null)[])[]> {
  const socket = connect({ port: target.port, host: "127.0.0.1" });
  socket.setTimeout(statementMsMax, () => {
    socket.destroy(new Error(`no answer within ${String(statementMsMax)} ms`));
  });
  try {
    socket.write(startupMessage(target));
    const messages = readMessages(socket);
    await signOn(socket, messages, target.password);
    socket.write(message("Q", text(statement)));
    const rows = await readRows(messages);
    socket.end(message("X"));
    return rows;
  } catch (error) {
    if (error instanceof PostgresError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new PostgresError("ACCORD_POSTGRES_STATEMENT", `PostgreSQL on port ${String(target.port)}: ${reason}`, error);
  } finally {
    socket.destroy();
  }
}

/** Reads authentication messages until the server is ready for a query. */
export async function signOn(socket: Socket, messages: AsyncIterator<Message>, password: string): Promise<void> {
  const clientNonce = randomBytes(18).toString("base64");
  let serverSignature = "";
  for (;;) {
    const { type, body } = await next(messages);
    if (type === "Z") return;
    if (type !== "R") continue;
    const method = body.readInt32BE(0);
    if (method === 10) {
      socket.write(message("p", Buffer.concat([text("SCRAM-SHA-256"), sized(`n,,n=,r=${clientNonce}`)])));
    } else if (method === 11) {
      const answer = scramAnswer(password, clientNonce, body.toString("utf8", 4));
      serverSignature = answer.serverSignature;
      socket.write(message("p", Buffer.from(answer.message)));
    } else if (method === 12) {
      if (body.toString("utf8", 4) !== `v=${serverSignature}`) throw new Error("the server does not know the password either");
    } else if (method !== 0) {
      throw new Error(`the server asks for authentication method ${String(method)}; this launcher speaks SCRAM-SHA-256 only`);
    }
  }
}

/** The client's second SCRAM message, and the signature that the server must answer with. */
function scramAnswer(password: string, clientNonce: string, challenge: string): { message: string; serverSignature: string } {
  const parts = new Map(challenge.split(",").map((part) => [part.slice(0, 1), part.slice(2)]));
  const nonce = parts.get("r") ?? "";
  if (!nonce.startsWith(clientNonce)) throw new Error("the server's SCRAM nonce is not an answer to ours");
  const salted = pbkdf2Sync(password, Buffer.from(parts.get("s") ?? "", "base64"), Number(parts.get("i")), 32, "sha256");
  const withoutProof = `c=biws,r=${nonce}`;
  const signed = `n=,r=${clientNonce},${challenge},${withoutProof}`;
  const clientKey = hmac(salted, "Client Key");
  const signature = hmac(createHash("sha256").update(clientKey).digest(), signed);
  const proof = Buffer.from(clientKey.map((byte, index) => byte ^ (signature[index] ?? 0)));
  return {
    message: `${withoutProof},p=${proof.toString("base64")}`,
    serverSignature: hmac(hmac(salted, "Server Key"), signed).toString("base64"),
  };
}

async function readRows(messages: AsyncIterator<Message>): Promise<(string | null)[][]> {
  const rows: (string | null)[][] = [];
  for (;;) {
    const { type, body } = await next(messages);
    if (type === "D") rows.push(parseRow(body));
    if (type === "Z") return rows;
  }
}

export function parseRow(body: Buffer): (string | null)[] {
  const row: (string | null)[] = [];
  let offset = 2;
  for (let column = body.readInt16BE(0); column > 0; column -= 1) {
    const length = body.readInt32BE(offset);
    offset += 4;
    row.push(length < 0 ? null : body.toString("utf8", offset, offset + length));
    offset += Math.max(length, 0);
  }
  return row;
}

/** The next message; an error message of the server is thrown. */
async function next(messages: AsyncIterator<Message>): Promise<Message> {
  const result = await messages.next();
  if (result.done === true) throw new Error("the server closed the connection");
  if (result.value.type === "E") throw serverError(result.value.body);
  return result.value;
}

/** Fields of an ErrorResponse: a letter, then text; `M` is the message and `C` the SQLSTATE. */
export function serverError(body: Buffer): Error {
  const fields = new Map(
    body
      .toString("utf8")
      .split("\0")
      .map((field) => [field.slice(0, 1), field.slice(1)]),
  );
  return new Error(`${fields.get("M") ?? "unknown error"} (SQLSTATE ${fields.get("C") ?? "?"})`);
}

export async function* readMessages(socket: Socket): AsyncGenerator<Message, void, undefined> {
  let pending: Buffer = Buffer.alloc(0);
  // The stream yields Buffers, since no encoding was set.
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= 5 && pending.length > pending.readInt32BE(1)) {
      const end = pending.readInt32BE(1) + 1;
      yield { type: pending.toString("latin1", 0, 1), body: pending.subarray(5, end) };
      pending = pending.subarray(end);
    }
  }
}

export function startupMessage({ user, database }: WireTarget): Buffer {
  const protocol = Buffer.from([0, 3, 0, 0]);
  const settings = ["user", user, "database", database, "application_name", "accord sandbox"].map(text);
  return withLength(Buffer.concat([protocol, ...settings, Buffer.from([0])]));
}

export function message(type: string, body: Buffer = Buffer.alloc(0)): Buffer {
  return Buffer.concat([Buffer.from(type), withLength(body)]);
}

/** PostgreSQL's lengths count themselves. */
function withLength(body: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + 4);
  return Buffer.concat([length, body]);
}

function sized(content: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(Buffer.byteLength(content));
  return Buffer.concat([length, Buffer.from(content)]);
}

export function text(content: string): Buffer {
  return Buffer.from(`${content}\0`);
}

function hmac(key: Buffer, content: string): Buffer {
  return createHmac("sha256", key).update(content).digest();
}
