import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { CLOSING_MS, SILENCE_MARGIN_MS, SILENCE_MS_MIN } from "./limits.ts";
import type { PostgresSettings } from "./settings.ts";

/*
 * A connection can stand still without an end: a firewall has forgotten it, a machine is gone, a server hangs. The kernel notices some of that, after hours or minutes.
 * Whoever waits for the server gives up by itself.
 */

/** What a session ends with that was given up. */
export class ServerSilent extends Error {
  constructor(silenceMs: number) {
    super(`the server said nothing for ${silenceMs} ms`);
  }
}

/** Waits for the server while it says anything at all. One that stays silent for longer has its session closed, which fails what waits for it. */
export async function heardWithin<Result>(silenceMs: number, stream: Duplex, work: () => Promise<Result>): Promise<Result> {
  // What `pg` calls a stream is one of Node's sockets, with TLS or without.
  if (!(stream instanceof Socket)) return work();
  const onSilence = (): void => void stream.destroy(new ServerSilent(silenceMs));
  stream.on("timeout", onSilence);
  stream.setTimeout(silenceMs);
  try {
    return await work();
  } finally {
    stream.setTimeout(0);
    stream.removeListener("timeout", onSilence);
  }
}

/** So long a server may say nothing of a statement that it ends by itself in time. Milliseconds. */
export function statementSilenceMs({ statementTimeoutMs }: PostgresSettings): number {
  return statementTimeoutMs + SILENCE_MARGIN_MS;
}

/** So long a stream may be silent in either direction though it was asked for a sign of life: 60 s as a rule, as for a subscriber of native replication. Milliseconds. */
export function streamSilenceMs({ statementTimeoutMs }: PostgresSettings): number {
  return Math.max(2 * statementTimeoutMs, SILENCE_MS_MIN);
}

/** Says good-bye, and leaves without an answer where none comes. */
export async function leave(end: () => Promise<void>, streams: () => Iterable<Duplex>): Promise<void> {
  const timer = setTimeout(() => {
    for (const stream of streams()) stream.destroy();
  }, CLOSING_MS);
  try {
    await end();
  } finally {
    clearTimeout(timer);
  }
}
