import { setTimeout as sleep } from "node:timers/promises";
import type { PostgresServer } from "@accord/sandbox/postgres";
import type { SeededRandom } from "../fake/random.ts";
import type { Direction, Fault } from "./proxied-connection.ts";
import { crashServer } from "./server-crash.ts";
import type { TcpProxy } from "./tcp-proxy.ts";

/** What befalls a database server, or the connections between it and Accord. Users reach the server by a way of their own. */
export const TROUBLES = [
  "server killed",
  "connections cut",
  "connections refused",
  "bytes delayed",
  "requests dropped, then cut",
  "answers dropped, then cut",
  "message truncated",
  "half-open, delivered late",
  "half-open for good",
] as const;

export type Trouble = (typeof TROUBLES)[number];

/** A database that is reached over a network. */
export interface Remote {
  readonly server: PostgresServer;
  /** Accord's way to it. */
  readonly proxy: TcpProxy;
}

/** Longer than any write may take under the campaign's lease, so that recovery has begun when held bytes arrive. Milliseconds. */
const PAST_DEADLINE_MS = 3_000;
/** A message to truncate comes within this, or not at all. Milliseconds. */
const MESSAGE_MS = 1_000;

/** Makes trouble, and mends it. Returns whether any connection felt it. When it returns the server is there and answers. */
export async function makeTrouble(trouble: Trouble, { server, proxy }: Remote, random: SeededRandom): Promise<boolean> {
  const direction = (): Direction => random.pick(["requests", "answers"] as const);
  const disturb = async (fault: Fault, durationMs: number): Promise<boolean> => {
    proxy.disturb(fault);
    await sleep(durationMs);
    return proxy.mend() > 0;
  };
  switch (trouble) {
    case "server killed":
      await crashServer(server);
      await sleep(random.integer(1_500));
      await server.restart();
      return true;
    case "connections cut":
      return (await disturb({ kind: "cut" }, random.integer(200))) || disturb({ kind: "cut" }, 0);
    case "connections refused":
      return disturb({ kind: "refuse" }, 200 + random.integer(1_500));
    case "bytes delayed":
      return disturb({ kind: "delay", delayMs: 20 + random.integer(400) }, 1_000 + random.integer(1_000));
    case "requests dropped, then cut":
      return disturb({ kind: "drop", direction: "requests" }, 200 + random.integer(PAST_DEADLINE_MS));
    case "answers dropped, then cut":
      return disturb({ kind: "drop", direction: "answers" }, 200 + random.integer(PAST_DEADLINE_MS));
    case "message truncated":
      return disturb({ kind: "truncate", direction: direction(), share: random.integer(100) / 100 }, MESSAGE_MS);
    case "half-open, delivered late":
      return disturb({ kind: "hold", direction: direction() }, PAST_DEADLINE_MS + random.integer(2_000));
    case "half-open for good":
      return proxy.silence(direction()) > 0;
  }
}
