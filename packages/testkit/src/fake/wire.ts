import { AccordError } from "@accord/engine/connector";
import type { CallOptions } from "@accord/engine/connector";
import { throwIfCancelled } from "./clock.ts";
import type { FakeCall, Fault } from "./faults.ts";
import type { FakeState } from "./state.ts";

/** The way from a connection to its fake system: where calls wait, get lost and fail. */
export class FakeWire {
  readonly #system: FakeState;
  readonly #connection: string;
  readonly #pause: (() => Promise<void>) | undefined;
  readonly #life = new AbortController();

  constructor(system: FakeState, connection: string, pause: (() => Promise<void>) | null) {
    this.#system = system;
    this.#connection = connection;
    this.#pause = pause ?? system.options.pause;
  }

  /** Aborts when the connection is closed. */
  get closed(): AbortSignal {
    return this.#life.signal;
  }

  close(): void {
    this.#life.abort();
  }

  /** Sends a call that only reads: `effect` runs in one step, or the fault is thrown. */
  async ask<Answer>(
    facts: Pick<FakeCall, "method" | "object" | "size">,
    options: CallOptions,
    effect: (fault: Fault | null) => Answer,
  ): Promise<Answer> {
    const fault = await this.send(facts, options);
    this.throwRefusals(fault);
    if (fault?.kind === "lostRequest" || fault?.kind === "unavailable") throw this.unreachable();
    const answer = effect(fault);
    await this.pause();
    throwIfCancelled(options.signal);
    if (fault?.kind === "lostReply" || fault?.kind === "late" || fault?.kind === "partialBatch") throw this.unreachable();
    return answer;
  }

  /** Everything before the effect: the signal, the fault plan, and waiting. */
  async send(facts: Pick<FakeCall, "method" | "object" | "size">, options: CallOptions): Promise<Fault | null> {
    throwIfCancelled(options.signal);
    if (this.#life.signal.aborted)
      throw new AccordError("ACCORD_CANCELLED", `The connection ${this.#connection} is closed.`, { remedy: "stop" });
    const system = this.#system;
    const fault = system.faults?.({ ...facts, system: system.name, number: system.nextCall(), atMs: system.clock.nowMs() }) ?? null;
    await this.pause();
    if (fault?.kind === "slow") await system.clock.sleep(fault.durationMs, options);
    throwIfCancelled(options.signal);
    return fault;
  }

  pause(): Promise<void> {
    return this.#pause?.() ?? Promise.resolve();
  }

  throwRefusals(fault: Fault | null): void {
    const where = this.#connection;
    if (fault?.kind === "rateLimited") {
      throw new AccordError("ACCORD_RATE_LIMITED", `${where} asks for fewer calls; wait, then go on.`, {
        remedy: "retry",
        where,
        ...(fault.retryAfterMs === null ? {} : { retryAfterMs: fault.retryAfterMs }),
      });
    }
    if (fault?.kind === "authRejected") {
      throw new AccordError("ACCORD_AUTH_REJECTED", `${where} refuses the credentials; renew them.`, { remedy: "reauthorize", where });
    }
    if (fault?.kind === "forbidden") {
      throw new AccordError("ACCORD_FORBIDDEN", `${where} does not allow this; grant the right.`, { remedy: "stop", where });
    }
  }

  unreachable(): AccordError {
    return new AccordError("ACCORD_UNREACHABLE", `${this.#connection} does not answer; it is tried again.`, {
      remedy: "retry",
      where: this.#connection,
    });
  }
}
