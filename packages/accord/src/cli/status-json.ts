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
  }[];
  /** Guards that wait for approval. */
  readonly guards: readonly TripJson[];
}

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
  /** When each side was last listed in full, ISO 8601; null: never. */
  readonly sweptAt: Readonly<Record<string, string | null>>;
}
