import type { PausedAt } from "@accord/engine";
import type { DueState, SyncState } from "@accord/engine/store";
import type { TripJson } from "./approve.ts";

/** What `accord status --json` prints. */
export interface StatusJson {
  readonly store: {
    readonly path: string;
    readonly bytes: number;
    readonly journalEntries: number;
    readonly generation: number;
    readonly restored: boolean;
  };
  /** Who acts on the store now; null: nobody. */
  readonly runningAs: string | null;
  readonly syncs: readonly SyncStatus[];
  readonly connections: readonly {
    readonly connection: string;
    readonly state: "active" | "paused";
    readonly reason: string | null;
    /** Where its feed stands, or null: none is followed yet. Opaque. */
    readonly cursor: string | null;
    /** How far the feed is behind, as the system tells; null: no feed is followed, or the system was not asked. */
    readonly feed: FeedStatus | null;
  }[];
  /** Guards that wait for approval. */
  readonly guards: readonly TripJson[];
}

/** The feed of one connection, asked of the system itself: it keeps its log for Accord whether or not `accord run` is at work. */
export type FeedStatus =
  | {
      readonly kind: "standing";
      /** What was written at the system since Accord last kept what its feed told: bytes of its log (all of it, other databases' too), or changes. */
      readonly behind: number;
      readonly unit: "bytes" | "changes";
      /** Bytes that the system keeps for Accord; null: it does not tell. */
      readonly retainedBytes: number | null;
      /** From so many bytes on the feed is given up, and a sweep takes its place; null: never. */
      readonly retainedBytesMax: number | null;
      /** False: the system no longer has what came next; the next run lists everything again. */
      readonly isKept: boolean;
    }
  /** The system did not answer in time, or refused. */
  | { readonly kind: "unreachable"; readonly code: string; readonly reason: string };

export interface SyncStatus {
  readonly sync: string;
  /** `unknown`: it is in the file and was never planned. */
  readonly state: SyncState | "unknown";
  readonly reason: string | null;
  readonly entities: number;
  /** Records that take part, by side. */
  readonly records: Readonly<Record<string, number>>;
  /** Word of changes that are not merged yet. */
  readonly toMerge: number;
  /** Due writes by state. */
  readonly due: Readonly<Record<DueState, number>>;
  /** Age of the oldest write that is ready and not made; null: none. Milliseconds. */
  readonly oldestMs: number | null;
  readonly reviews: number;
  readonly problems: number;
  /** Fields that wait at a side where a system shows them no more, or as of another type, as the last run or plan found. */
  readonly paused: readonly PausedAt[];
  /** When each side was last listed in full, ISO 8601; null: never. */
  readonly sweptAt: Readonly<Record<string, string | null>>;
}
