import { AccordError } from "@accord/engine/connector";
import type { CallOptions } from "@accord/engine/connector";
import pg from "pg";
import { SPELLING_SETTINGS, clientConfig, settingsStatement } from "./client.ts";
import { asAccordError, serverFailure } from "./errors.ts";
import { SETTLE_POLLS_MAX, SETTLE_POLL_MS } from "./limits.ts";
import { cursorExpired, notInstalled } from "./log-slot.ts";
import type { CaptureAccess } from "./log-slot.ts";
import { readHex64 } from "./pgoutput.ts";
import { hexToLsn } from "./positions.ts";
import { heardWithin, streamSilenceMs } from "./silence.ts";

/** What arrives from a {@link LogStream}. Called while the socket is read: must not wait. */
export interface LogReceiver {
  /** One message of pgoutput: from `offset` to the end of `bytes`. `lsnHex` is where its WAL record begins. */
  message(bytes: Buffer, offset: number, lsnHex: string): void;
  /** The server has sent everything below `endHex`. */
  keepalive(endHex: string, answerWanted: boolean): void;
  /** The stream is over. Called once. */
  failed(error: AccordError): void;
}

/** A replication connection that streams our slot. */
export interface LogStream {
  pause(): void;
  resume(): void;
  /** Tells the server what was received and what it may forget, and asks it for a sign of life if wanted. LSNs are 16 hex digits. */
  sendStatus(receivedHex: string, durableHex: string, answerWanted: boolean): void;
  close(): Promise<void>;
}

/**
 * Opens the slot at an LSN.
 *
 * `pg-logical-replication` is not used: it hands out every message as an object of values (four times the work), acknowledges what it has read instead of
 * what was made durable, and knows no end of a transaction to resume from. The few messages around pgoutput are in
 * https://www.postgresql.org/docs/current/protocol-replication.html
 *
 * @throws {AccordError} ACCORD_UNREACHABLE (also while another session holds the slot), ACCORD_AUTH_REJECTED, ACCORD_CURSOR_EXPIRED, ACCORD_NOT_INSTALLED
 */
export async function openLogStream(
  access: CaptureAccess,
  startHex: string,
  receiver: LogReceiver,
  options: CallOptions,
): Promise<LogStream> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start(access, startHex, receiver);
    } catch (error) {
      // The session of a feed that was closed a moment ago.
      if (serverFailure(error)?.code !== "55006" || attempt >= SETTLE_POLLS_MAX) throw startError(access, error);
      await access.clock.sleep(SETTLE_POLL_MS, options);
    }
  }
}

async function start({ database, names }: CaptureAccess, startHex: string, receiver: LogReceiver): Promise<LogStream> {
  // `replication` is a parameter of the start-up message that `pg` sends and its types leave out.
  const config: pg.ClientConfig & { readonly replication: "database" } = { ...clientConfig(database.settings), replication: "database" };
  const client = new pg.Client(config);
  const silenceMs = streamSilenceMs(database.settings);
  let ended: ((error: unknown) => void) | null = null;
  client.on("error", (error) => ended?.(error));
  client.on("end", () => ended?.(new Error("Connection terminated")));
  try {
    await client.connect();
    // A client that is gone without an end would hold the slot for as long as the server waits for its next word.
    const spelling = settingsStatement({ ...SPELLING_SETTINGS, wal_sender_timeout: String(silenceMs) });
    await heardWithin(silenceMs, client.connection.stream, () => client.query(spelling));
    const started = new Promise<void>((resolve, reject) => {
      ended = reject;
      client.connection.once("replicationStart", () => resolve());
      const publication = `"${names.publication}"`;
      client
        .query(
          `START_REPLICATION SLOT "${names.slot}" LOGICAL ${hexToLsn(startHex)} (proto_version '1', publication_names '${publication}')`,
        )
        .then(() => ended?.(new Error("Connection terminated")))
        .catch((error: unknown) => ended?.(error));
      client.connection.on("copyData", ({ chunk }: { readonly chunk: Buffer }) => {
        try {
          receive(chunk, receiver);
        } catch (error) {
          ended?.(error);
        }
      });
    });
    await heardWithin(silenceMs, client.connection.stream, () => started);
  } catch (error) {
    ended = null;
    client.connection.stream.destroy();
    throw error;
  }
  ended = (error) => {
    ended = null;
    client.connection.stream.destroy();
    receiver.failed(streamError(database.where, error));
  };
  return {
    pause: () => void client.connection.stream.pause(),
    resume: () => void client.connection.stream.resume(),
    sendStatus: (receivedHex, durableHex, answerWanted) => {
      if (client.connection.stream.writable) client.connection.stream.write(statusMessage(receivedHex, durableHex, answerWanted));
    },
    close: async () => {
      ended = null;
      await client.end();
    },
  };
}

const XLOG_DATA = 0x77; // w
const KEEPALIVE = 0x6b; // k
const XLOG_HEADER_BYTES = 25;

function receive(chunk: Buffer, receiver: LogReceiver): void {
  if (chunk[0] === XLOG_DATA) receiver.message(chunk, XLOG_HEADER_BYTES, readHex64(chunk, 1));
  else if (chunk[0] === KEEPALIVE) receiver.keepalive(readHex64(chunk, 1), chunk[17] === 1);
}

/** A standby status update inside a CopyData message. */
function statusMessage(receivedHex: string, durableHex: string, answerWanted: boolean): Buffer {
  const message = Buffer.alloc(5 + 34);
  message.write("d", 0, "latin1");
  message.writeUInt32BE(4 + 34, 1);
  message.write("r", 5, "latin1");
  message.write(receivedHex, 6, "hex");
  message.write(durableHex, 14, "hex");
  message.write(durableHex, 22, "hex");
  message.writeBigInt64BE(BigInt(Date.now() - Date.UTC(2000, 0, 1)) * 1000n, 30);
  message[38] = answerWanted ? 1 : 0;
  return message;
}

function startError({ database, names }: CaptureAccess, error: unknown): AccordError {
  const failure = serverFailure(error);
  // 55000: the slot was invalidated since it was looked at.
  if (failure?.code === "55000") return cursorExpired(database.where, `replication slot ${names.slot} was given up by the server`);
  if (failure?.code === "42704") return notInstalled(database.where, `replication slot ${names.slot} is not there`);
  // A process that stands still (or whose machine is gone) holds it until the server gives its session up: wal_sender_timeout.
  if (failure?.code === "55006") {
    const message = `The replication slot ${names.slot} at ${database.where} is in use by another session (${failure.message}): it is tried again.`;
    return new AccordError("ACCORD_UNREACHABLE", message, { remedy: "retry", where: database.where, cause: error });
  }
  return asAccordError(error, database.where);
}

function streamError(where: string, error: unknown): AccordError {
  const failure = serverFailure(error);
  if (failure?.code === "42704") return notInstalled(where, "its publication was dropped or is younger than its replication slot");
  if (failure?.code === "55000") return cursorExpired(where, failure.message);
  return asAccordError(error, where);
}
