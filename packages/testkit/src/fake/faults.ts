/** One call that reaches a fake system, as a fault plan sees it. */
export interface FakeCall {
  readonly system: string;
  readonly method:
    | "check"
    | "discover"
    | "open"
    | "install"
    | "uninstall"
    | "epoch"
    | "follow"
    | "currentCursor"
    | "standing"
    | "readMark"
    | "writeMark"
    | "list"
    | "read"
    | "write"
    | "findProofs"
    | "findByEntity"
    | "listLinks"
    | "next";
  /** The object's name, or null where the call is about none or several. */
  readonly object: string | null;
  /** How many calls reached this system before, over all connections. */
  readonly number: number;
  /** Operations, ids or records asked for; 0 where that says nothing. */
  readonly size: number;
  readonly atMs: number;
}

/**
 * What goes wrong with one call. Where a fault cannot happen to a method (hints are lost in `next` alone), it does nothing.
 * Reads that fail throw ACCORD_UNREACHABLE (`retry`); writes answer with outcomes as the port says.
 */
export type Fault =
  /** The request never arrives, and the caller cannot know: writes are `unknown`. */
  | { readonly kind: "lostRequest" }
  /** The request takes effect and the answer is lost: writes are `unknown`. */
  | { readonly kind: "lostReply" }
  /** The caller gives up (writes are `unknown`), and the request takes effect `afterMs` later. Keep it below `requestDeadlineMs`, or break S31's premise. */
  | { readonly kind: "late"; readonly afterMs: number }
  /** The request takes effect, is answered, and takes effect once more `afterMs` later (0: at once). */
  | { readonly kind: "duplicate"; readonly afterMs: number }
  /** The call waits before it takes effect. */
  | { readonly kind: "slow"; readonly durationMs: number }
  /** 429: throws ACCORD_RATE_LIMITED, nothing happened. */
  | { readonly kind: "rateLimited"; readonly retryAfterMs: number | null }
  /** The connection is refused: the request surely never left. Writes are `notSent`. */
  | { readonly kind: "unavailable" }
  /** The credentials are refused: throws ACCORD_AUTH_REJECTED. */
  | { readonly kind: "authRejected" }
  /** The right is missing: throws ACCORD_FORBIDDEN. */
  | { readonly kind: "forbidden" }
  /** The first `executed` operations take effect; of these the first `reported` have their outcomes told; all others are `unknown`. */
  | { readonly kind: "partialBatch"; readonly executed: number; readonly reported: number }
  /** A page holds its first half only, and the listing ends there without ever being complete. */
  | { readonly kind: "truncatedPage" }
  /** Every change of the batch whose place the plan names vanishes (all where it names none); the cursor moves on. */
  | { readonly kind: "hintsLost"; readonly places?: readonly number[] }
  | { readonly kind: "hintsDuplicated" }
  /** The batch comes in another order. */
  | { readonly kind: "hintsReordered" }
  /** The feed breaks: `next` throws ACCORD_UNREACHABLE and must be followed again. */
  | { readonly kind: "feedCut" }
  /** The system has forgotten the cursor: ACCORD_CURSOR_EXPIRED from `follow` and `next`. */
  | { readonly kind: "cursorExpired" };

/** Decides the fate of a call. Called once per call, in order; must be deterministic for the world's seed. */
export type FaultPlan = (call: FakeCall) => Fault | null;
