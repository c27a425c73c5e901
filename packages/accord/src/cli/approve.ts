import type { GuardTrip } from "@accord/engine/store";
import type { Command } from "commander";
import { examples } from "./command.ts";
import type { Binder, CommandContext } from "./command.ts";
import { EXIT } from "./exit.ts";
import type { ExitCode } from "./exit.ts";
import { usageError } from "./problems.ts";
import type { StoreSession } from "./session.ts";

/** What `accord approve --json` prints. */
export interface ApproveJson {
  /** Approved by this command. */
  readonly approved: readonly TripJson[];
  /** Guards that still wait. */
  readonly waiting: readonly TripJson[];
}

export interface TripJson {
  readonly id: string;
  readonly reason: string;
  /** ISO 8601. */
  readonly trippedAt: string;
}

export function defineApprove(parent: Command, { bind }: Binder): void {
  const command = parent
    .command("approve")
    .argument("[guards...]", "guards to approve, as messages and accord status name them; none: list those that wait")
    .description("Let writes go on that a guard stopped. They resume where they stopped.")
    .addHelpText("after", examples("accord approve", "accord approve customers/erp/deletes"));
  bind<object>(command, approve);
}

async function approve(context: CommandContext, _options: object, ...ids: readonly string[]): Promise<ExitCode> {
  const { output, program, signal } = context;
  const { openStoreSession } = await import("./session.ts");
  const session = await openStoreSession(program, context.session);
  try {
    const trips = (await session.store.listTrips({ signal })).filter(({ approvedAtMs }) => approvedAtMs === null);
    for (const id of ids) {
      if (trips.some((trip) => trip.id === id)) continue;
      const known = trips.length === 0 ? "none waits" : `those that wait: ${trips.map((trip) => trip.id).join(", ")}`;
      throw usageError(`No guard ${id} waits for approval; ${known}.`);
    }
    for (const trip of trips) if (ids.includes(trip.id)) await approveOne(session, trip, signal);
    const approved = trips.filter(({ id }) => ids.includes(id));
    const waiting = trips.filter(({ id }) => !ids.includes(id));
    output.json({ approved: approved.map(tripJson), waiting: waiting.map(tripJson) } satisfies ApproveJson);
    for (const { id, guard, reason } of approved) {
      // What a list tells is looked at only now that it may be believed.
      const next = guard === "count" ? "accord plan shows what it means" : "accord apply, or accord run";
      output.line(`Approved ${id}: ${reason}. A running accord goes on by itself; else ${next}.`);
    }
    if (ids.length === 0 && waiting.length === 0) output.line("No guard waits for approval.");
    if (ids.length === 0) for (const { id, reason } of waiting) output.line(`${id}: ${reason}`);
    return ids.length === 0 && waiting.length > 0 ? EXIT.todo : EXIT.done;
  } finally {
    await session.close();
  }
}

/** A sync that the guard paused returns to what it was before. [S43] */
async function approveOne({ store, host }: StoreSession, trip: GuardTrip, signal: AbortSignal): Promise<void> {
  await store.approveTrip(trip.id, host.clock.nowMs(), { signal });
  const row = (await store.listSyncs({ signal })).find(({ id }) => id === trip.sync);
  const othersWait = (await store.listTrips({ signal })).some((other) => other.sync === trip.sync && other.approvedAtMs === null);
  if (row?.state !== "paused" || othersWait) return;
  const { pausedFrom } = await import("@accord/engine");
  const before = await pausedFrom(store, trip.sync, { signal });
  await store.setSyncState(trip.sync, before ?? "live", null, { signal });
  host.log.info("guard.approved", { guard: trip.id });
}

function tripJson({ id, reason, trippedAtMs }: GuardTrip): TripJson {
  return { id, reason, trippedAt: new Date(trippedAtMs).toISOString() };
}
