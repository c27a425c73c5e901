import { setTimeout as sleep } from "node:timers/promises";
import type { Running } from "../program/command-line.ts";
import type { CrashRow, Tally } from "./crash-table.ts";
import { isTooEarly } from "./store-view.ts";
import type { OpenIntent, StoreView } from "./store-view.ts";
import type { CrashSystem } from "./system.ts";
import type { CrashUsers } from "./users.ts";

/** What a kill works with. */
export interface KillScene {
  readonly systems: readonly CrashSystem[];
  readonly users: CrashUsers;
  readonly tally: Tally<CrashRow>;
  /** Opens the store from outside; null while there is none yet. */
  openStore(): StoreView | null;
}

/** How long a steered kill waits for its moment before it strikes anyway. Milliseconds. */
const MOMENT_MS = 4_000;
/** How often the store is looked at meanwhile. Milliseconds. */
const LOOK_MS = 1;

/** `kill -9`, and the process is gone. */
export async function killHard({ child, ended }: Running): Promise<void> {
  child.kill("SIGKILL");
  await ended.catch(() => undefined);
}

/**
 * Says which rows of the crash table a kill has hit, after the process is gone and what it had sent has come to its end: from the store as it was left, and from what
 * the target shows. [S32]
 */
export async function autopsy(scene: KillScene): Promise<readonly OpenIntent[]> {
  for (const system of scene.systems) await system.settled();
  const store = scene.openStore();
  if (store === null) return [];
  try {
    const { marks, due, intents } = store.state();
    if (marks > 0) scene.tally.hit("before the merge commits");
    if (due > 0) scene.tally.hit("merge committed");
    for (const row of await rowsOfIntents(scene, intents)) scene.tally.hit(row);
    return intents;
  } catch (error) {
    if (!isTooEarly(error)) throw error;
    return [];
  } finally {
    store.close();
  }
}

/** Each row counts once per kill, however many intents were open. */
async function rowsOfIntents(scene: KillScene, intents: readonly OpenIntent[]): Promise<ReadonlySet<CrashRow>> {
  const rows = new Set<CrashRow>();
  for (const [side, system] of scene.systems.entries()) {
    const own = intents.filter((intent) => intent.side === side);
    if (own.length === 0) continue;
    const landed = await system.proofs(own.map(({ id }) => id));
    for (const { id, kind } of own)
      rows.add(landed.has(id) ? (LANDED[kind] ?? "update executed, answer lost") : "intent open, not executed");
  }
  return rows;
}

const LANDED: Readonly<Record<string, CrashRow>> = { create: "create executed, answer lost", delete: "delete executed, answer lost" };

/** Waits until the store shows what is asked for. False: the moment did not come, or the process ended before. */
export async function waitForStore(
  scene: KillScene,
  running: Running,
  isMoment: (store: StoreView) => boolean,
  waitMs: number = MOMENT_MS,
): Promise<boolean> {
  const endMs = performance.now() + waitMs;
  let store: StoreView | null = null;
  try {
    while (performance.now() < endMs && running.child.exitCode === null) {
      store ??= scene.openStore();
      try {
        if (store !== null && isMoment(store)) return true;
      } catch (error) {
        if (!isTooEarly(error)) throw error;
      }
      await sleep(LOOK_MS);
    }
    return false;
  } finally {
    store?.close();
  }
}
