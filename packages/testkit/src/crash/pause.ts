import { setTimeout as sleep } from "node:timers/promises";
import type { CommandLine, Running } from "../program/command-line.ts";
import { killHard } from "./kill.ts";
import type { KillScene } from "./kill.ts";
import { hang } from "./steer.ts";

/** How long a second process may need to take over, and the first to notice. Milliseconds. */
const TAKE_OVER_MS = 12_000;
const NOTICE_MS = 8_000;

/**
 * A worker stands still past its lease in the middle of a write; a second process takes over and works on; then the first one wakes, may write late, and must find
 * out that it lost. [S32, S54] Returns the second process, or null where the moment did not come: then the first one is gone too.
 */
export async function pausePastLease(
  scene: KillScene,
  line: CommandLine,
  running: Running,
  side: number,
  lookMs: number,
): Promise<Running | null> {
  const hanging = await hang(scene, running, side, "update");
  if (hanging === null) {
    await killHard(running);
    return null;
  }
  running.child.kill("SIGSTOP");
  await hanging.release();
  const second = await takeOver(line);
  if (second !== null) {
    scene.tally.hit("paused past its lease");
    await sleep(lookMs);
  }
  running.child.kill("SIGCONT");
  const ended = await Promise.race([running.ended.then(() => true), sleep(NOTICE_MS, false)]);
  if (!ended) {
    await killHard(running);
    if (second !== null) throw new Error("a process that lost its lease did not end by itself");
  }
  return second;
}

/** Starts processes until one is let in: before the lease has ended none is. */
async function takeOver(line: CommandLine): Promise<Running | null> {
  const endMs = performance.now() + TAKE_OVER_MS;
  while (performance.now() < endMs) {
    const second = line.start(["run"]);
    const isIn = await second.waitFor("Running").then(
      () => true,
      () => false,
    );
    if (isIn) return second;
    await sleep(100);
  }
  return null;
}
