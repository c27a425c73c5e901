import type { ChangeBatch } from "../connector/connector.ts";
import type { CallOptions, Clock } from "../host/host.ts";
import type { FollowedSide } from "./followed-side.ts";

/** How long a feed's batch waits for whoever drains before it becomes marks: one slow write never holds up a feed. Milliseconds. [S57] */
const OFFER_MS = 1_000;

/** A batch as a feed told it, to be merged at once. */
export interface Pulled {
  readonly connection: string;
  readonly sides: readonly FollowedSide[];
  readonly batch: ChangeBatch;
}

/** A batch that waits to be taken. Whoever takes it says what became of it: `true` once it is merged and committed with its cursor. */
export interface Offer {
  readonly pulled: Pulled;
  /** Resolves when the feed has waited for as long as it should. Never fails. */
  readonly late: Promise<void>;
  answer(isKept: boolean): void;
}

/** Where feeds hand their batches to the one who drains, so that what is plain is merged and written without a detour over marks. Holds one batch a feed at most. */
export class Handover {
  private readonly clock: Clock;
  private readonly offers: Offer[] = [];
  private wake: (() => void) | null = null;
  /** The store's counter of other processes' commits when the states of the syncs were last read: see `carryOffers`. */
  statesAt: number | null = null;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Whether the batch was merged and committed. If not (nobody had time for it, or it could not be done), it is the feed's to keep as marks. */
  offer(pulled: Pulled, ring: () => void, options: CallOptions): Promise<boolean> {
    return new Promise<boolean>((resolve) => {
      const giveUp = (): void => {
        const place = this.offers.indexOf(offer);
        // Once it is taken its answer is waited for.
        if (place === -1) return;
        this.offers.splice(place, 1);
        resolve(false);
      };
      const late = this.clock.sleep(OFFER_MS, options).then(giveUp, giveUp);
      const offer: Offer = { pulled, late, answer: resolve };
      this.offers.push(offer);
      this.wake?.();
      ring();
    });
  }

  get isOffered(): boolean {
    return this.offers.length > 0;
  }

  /** Of those that may be taken now, the batch that has waited longest. Its answer must be given. */
  take(mayTake: (pulled: Pulled) => boolean = () => true): Offer | null {
    const place = this.offers.findIndex(({ pulled }) => mayTake(pulled));
    return place === -1 ? null : (this.offers.splice(place, 1)[0] ?? null);
  }

  /** Resolves when another batch is offered. Never fails; for one who waits. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve;
    });
  }
}
