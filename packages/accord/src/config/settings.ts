import type { SyncSettings } from "@accord/engine";
import type { SyncEntry } from "./schema/sync-schema.ts";

export type { SyncSettings } from "@accord/engine";

/** The pace and the guards of a sync, as the engine takes them. A number of deletes replaces the share. [S43, S56] */
export function settingsOf(entry: SyncEntry): SyncSettings {
  const { deletes, rewrites } = entry.guards;
  return {
    live: entry.live,
    quietMs: entry.quiet,
    sweepMs: entry.sweep,
    guards: {
      deletesMax: deletes.kind === "count" ? deletes.count : null,
      deletesShareMax: deletes.kind === "share" ? deletes.share : 1,
      rewritesShareMax: rewrites,
    },
  };
}
