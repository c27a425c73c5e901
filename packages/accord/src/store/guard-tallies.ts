import type { SideIndex } from "@accord/core";
import type { GuardTallyRow, SyncId } from "@accord/engine/store";
import type { Catalogue } from "./catalogue.ts";
import type { Session } from "./session.ts";

type Counts = Omit<GuardTallyRow, "sync" | "side" | "sinceMs">;

/** What the guards have let through, by side: a later count takes the place of an earlier one. [S43] */
export function writeGuardTallies(session: Session, catalogue: Catalogue, rows: readonly GuardTallyRow[]): void {
  for (const { sync, side, sinceMs, ...counts } of rows) {
    session.run(
      "INSERT INTO guard_tally (side, since_ms, counts) VALUES (?, ?, ?) ON CONFLICT (side) DO UPDATE SET since_ms = excluded.since_ms, counts = excluded.counts",
      catalogue.side(sync, side).number,
      sinceMs,
      JSON.stringify(counts satisfies Counts),
    );
  }
}

export function readGuardTally(session: Session, catalogue: Catalogue, sync: SyncId, side: SideIndex): GuardTallyRow | null {
  const row = session.first<[number, string]>("SELECT since_ms, counts FROM guard_tally WHERE side = ?", catalogue.side(sync, side).number);
  // writeGuardTallies made this text.
  return row === undefined ? null : { sync, side, sinceMs: row[0], ...(JSON.parse(row[1]) as Counts) };
}
