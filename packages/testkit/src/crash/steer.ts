import { setTimeout as sleep } from "node:timers/promises";
import type { Running } from "../program/command-line.ts";
import type { CrashRow } from "./crash-table.ts";
import { killHard, waitForStore } from "./kill.ts";
import type { KillScene } from "./kill.ts";
import type { OpenIntent, StoreView } from "./store-view.ts";
import type { Habit } from "./users.ts";

/** A try at a moment that does not come is given up after this. Milliseconds. */
const TRY_MS = 1_200;
const TRIES_MAX = 8;
/** How long Accord is held to see where it stands. Milliseconds. */
const HOLD_MS = 5;
/** How long users write with Accord kept from committing. Milliseconds. */
const BLIND_MS = 150;

/** Kills the process at a moment of the crash table, using only what users and disks do anyway: locks. The moment may be missed: `autopsy` says what was hit. */
export async function killAt(row: CrashRow, scene: KillScene, running: Running, side: number): Promise<void> {
  switch (row) {
    case "before the merge commits":
      await killWhileBlind(scene, running);
      return;
    case "merge committed":
      await killBetweenCommits(scene, running);
      return;
    case "intent open, not executed":
      await killWhileHanging(scene, running, side);
      return;
    case "update executed, answer lost":
    case "the same, then a user edited too":
      await killAfterEffect(scene, running, side, "update", row);
      return;
    case "create executed, answer lost":
      await killAfterEffect(scene, running, side, "insert", row);
      return;
    case "delete executed, answer lost":
      await killAfterEffect(scene, running, side, "delete", row);
      return;
    case "paused past its lease":
      await killHard(running); // Its own scenario: see pause.ts.
      return;
  }
}

/** Users write while Accord cannot commit what it sees of it: the hint returns. */
async function killWhileBlind(scene: KillScene, running: Running): Promise<void> {
  const release = await holdStoreWhen(scene, running, () => true);
  const before = await lastSequences(scene);
  await sleep(BLIND_MS);
  const after = await lastSequences(scene);
  await killHard(running);
  release();
  if (after.some((sequence, side) => sequence !== before[side])) scene.tally.hit("before the merge commits");
}

/** Stops Accord at one of its commits, again and again, until that is the one between a merge and its intents. */
async function killBetweenCommits(scene: KillScene, running: Running): Promise<void> {
  const release = await holdStoreWhen(scene, running, (store) => store.state().due > 0);
  await killHard(running);
  release();
}

function lastSequences({ systems }: KillScene): Promise<readonly number[]> {
  return Promise.all(systems.map((system) => system.lastSequence()));
}

/** Holds the store as soon as it is in a state; the returned function ends that, if it came to it. */
async function holdStoreWhen(scene: KillScene, running: Running, isMoment: (store: StoreView) => boolean): Promise<() => void> {
  const held: (() => void)[] = [];
  await waitForStore(scene, running, (store) => {
    const release = store.hold();
    if (release === null) return false;
    try {
      // Long enough for Accord to come to its next commit and wait there.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, HOLD_MS);
      if (isMoment(store)) held.push(release);
    } finally {
      if (held.length === 0) release();
    }
    return held.length > 0;
  });
  return () => {
    for (const release of held) release();
  };
}

/** A user's lock keeps the call waiting; the lock stays until the server has given the dead client's call up. */
async function killWhileHanging(scene: KillScene, running: Running, side: number): Promise<void> {
  const hanging = await hang(scene, running, side, "update");
  await killHard(running);
  if (hanging === null) return;
  await scene.systems[side]?.settled();
  await hanging.release();
}

interface Hanging {
  readonly intent: OpenIntent;
  release(): Promise<void>;
}

/** Brings a write of a kind to where it waits for a user's lock at the target. Null: none came. */
export async function hang(scene: KillScene, running: Running, side: number, habit: Exclude<Habit, "mixed">): Promise<Hanging | null> {
  const target = scene.systems[side];
  const kind = habit === "insert" ? "create" : habit;
  for (let attempt = 0; attempt < TRIES_MAX && running.child.exitCode === null; attempt += 1) {
    scene.users.habit = habit;
    const release = (await target?.hold()) ?? null;
    if (release === null) {
      await sleep(20);
      continue;
    }
    let intent: OpenIntent | undefined;
    const isThere = await waitForStore(
      scene,
      running,
      (store) => {
        intent = store.state().intents.find((open) => open.side === side && open.kind === kind);
        return intent !== undefined;
      },
      TRY_MS,
    );
    scene.users.habit = "mixed";
    if (isThere && intent !== undefined) return { intent, release };
    await release();
    await sleep(100);
  }
  scene.users.habit = "mixed";
  return null;
}

/** Lets the write happen while Accord is kept from committing its outcome: executed, and the answer lost. */
async function killAfterEffect(
  scene: KillScene,
  running: Running,
  side: number,
  habit: Exclude<Habit, "mixed">,
  row: CrashRow,
): Promise<void> {
  const target = scene.systems[side];
  for (let attempt = 0; attempt < TRIES_MAX && running.child.exitCode === null; attempt += 1) {
    const hanging = await hang(scene, running, side, habit);
    if (hanging === null) break;
    const store = scene.openStore();
    const releaseStore = store?.hold() ?? null;
    await hanging.release();
    const landed = releaseStore !== null && (await hasLanded(scene, side, hanging.intent.id));
    if (landed) {
      await killHard(running);
      releaseStore?.();
      store?.close();
      const code =
        row === "the same, then a user edited too" && hanging.intent.record !== null ? await target?.codeOf(hanging.intent.record) : null;
      if (code !== null && code !== undefined && (await scene.users.edit(side, code))) scene.tally.hit(row);
      return;
    }
    releaseStore?.();
    store?.close();
  }
  await killHard(running);
}

/** Soon, or not at all: Accord may be waiting for the store with something else in hand. */
async function hasLanded(scene: KillScene, side: number, intent: string): Promise<boolean> {
  for (let looks = 0; looks < 100; looks += 1) {
    const proofs = await scene.systems[side]?.proofs([intent]);
    if (proofs?.has(intent) === true) return true;
    await sleep(3);
  }
  return false;
}
