import type { RecordId } from "@accord/core";

/** How one sync is run, beside its model: what accord.yaml says of pace and guards. */
export interface SyncSettings {
  /** Whether change feeds are followed; without it the sync runs when asked, and by sweeps. */
  readonly live: boolean;
  /** A write waits until its entity has been left alone this long, so that half-typed values and bursts become one write. [S56] */
  readonly quietMs: number;
  /** The time from one full listing of each side to the next. [S8] */
  readonly sweepMs: number;
  /** How long a deleted entity is remembered at least: longer than any feed holds its events or a system stays away. [S39] */
  readonly tombstoneMs: number;
  readonly guards: GuardSettings;
}

/** Stops before harm, per run and per hour. [S43] */
export interface GuardSettings {
  /** Deletes that may happen without a person's approval, or null: only the share counts. */
  readonly deletesMax: number | null;
  /** The same as a share of the records of the side, from 0 to 1. */
  readonly deletesShareMax: number;
  /** By field: the share of the side's records in which it may be rewritten without a person's approval, from 0 to 1. */
  readonly rewritesShareMax: Readonly<Record<string, number>>;
  /** The share of the side's records that may be rewritten, in whatever fields, without a person's approval, from 0 to 1. */
  readonly changedShareMax: number;
  /** How far the number of records in a full listing may be from what was known, as a share of that; null: it is not looked at. */
  readonly countShareMax: number | null;
  /** By side name: records that must neither change nor vanish. One that does tells that something is wrong with the whole side. */
  readonly canaries: Readonly<Record<string, readonly RecordId[]>>;
}
