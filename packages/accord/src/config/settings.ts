import { writeImage } from "@accord/core";
import type { RecordId } from "@accord/core";
import type { SyncSettings } from "@accord/engine";
import type { SyncEntry } from "./schema/sync-schema.ts";

export type { SyncSettings } from "@accord/engine";

/** The pace and the guards of a sync, as the engine takes them. A number of deletes replaces the share. [S43, S56] */
export function settingsOf(entry: SyncEntry): SyncSettings {
  const { deletes, rewrites, changes, count, canaries } = entry.guards;
  return {
    live: entry.live,
    quietMs: entry.quiet,
    sweepMs: entry.sweep,
    tombstoneMs: entry.tombstones,
    guards: {
      deletesMax: deletes.kind === "count" ? deletes.count : null,
      deletesShareMax: deletes.kind === "share" ? deletes.share : 1,
      rewritesShareMax: rewrites,
      changedShareMax: changes,
      countShareMax: count === "off" ? null : count,
      canaries: Object.fromEntries(Object.entries(canaries).map(([side, records]) => [side, records.map(recordIdOf)])),
    },
  };
}

/** A record's id from what the file names it by: the text of its key, or the parts of a composite one. */
function recordIdOf(named: string | readonly string[]): RecordId {
  return typeof named === "string" ? named : String(writeImage(named));
}
