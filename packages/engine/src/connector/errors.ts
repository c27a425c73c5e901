/** What the engine does about a failure. It switches on this, never on a message. */
export type Remedy =
  /** Try again after a while (`retryAfterMs` where the system says so): rate limits, lost connections, 5xx. [S30] */
  | "retry"
  /** The credentials were refused: the connection pauses until a person acts. [S30] */
  | "reauthorize"
  /** What we knew is out of date: read again, from the start where a cursor expired. */
  | "reread"
  /** This record cannot be handled; it is set aside with the reason and the rest proceeds. [S47] */
  | "park"
  /** Nothing can proceed until a person changes something: a configuration, a right, a disk. */
  | "stop";

export interface AccordErrorFacts {
  readonly remedy: Remedy;
  readonly cause?: unknown;
  /** The connection, side or file that it happened at, as the user names it. */
  readonly where?: string;
  readonly retryAfterMs?: number;
}

/**
 * A failure with a code for programs (`ACCORD_UNREACHABLE`), one sentence for tired people (what happened, where, what to do), and a remedy for the engine.
 * The message never holds a secret or a field's value.
 */
export class AccordError extends Error {
  readonly code: string;
  readonly remedy: Remedy;
  readonly where: string | null;
  readonly retryAfterMs: number | null;

  constructor(code: string, message: string, facts: AccordErrorFacts) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = "AccordError";
    this.code = code;
    this.remedy = facts.remedy;
    this.where = facts.where ?? null;
    this.retryAfterMs = facts.retryAfterMs ?? null;
  }
}

/** For our own mistakes: what must hold, does not. */
export function assert(condition: boolean, why: string): asserts condition {
  if (!condition) throw new AccordError("ACCORD_BUG", `This is a mistake in Accord: ${why}.`, { remedy: "stop" });
}
