import { expect, test } from "vitest";
import { manualClock } from "./clock.ts";

const options = { signal: new AbortController().signal };

test("sleepers wake in the order of their instants, each at its own, and what they set going is let run", async () => {
  const clock = manualClock(0);
  const woken: string[] = [];
  const sleep = async (name: string, durationMs: number): Promise<void> => {
    await clock.sleep(durationMs, options);
    woken.push(`${name}@${clock.nowMs()}`);
    if (name === "a") await sleep("a again", 5);
  };
  const all = Promise.all([sleep("b", 20), sleep("a", 10), sleep("late", 100)]);
  await clock.advance(50);
  expect(woken).toEqual(["a@10", "a again@15", "b@20"]);
  expect([clock.nowMs(), clock.sleeperCount]).toEqual([50, 1]);
  expect(await clock.advanceToNext()).toBe(true);
  await all;
  expect(clock.nowMs()).toBe(100);
  expect(await clock.advanceToNext()).toBe(false);
});

test("a sleep whose signal aborts rejects at once, and a clock jump wakes nobody", async () => {
  const clock = manualClock(1000);
  const abort = new AbortController();
  const sleeping = expect(clock.sleep(10, { signal: abort.signal })).rejects.toMatchObject({ code: "ACCORD_CANCELLED" });
  clock.jump(9_000_000);
  expect([clock.nowMs(), clock.sleeperCount]).toEqual([9_000_000, 1]);
  abort.abort();
  await sleeping;
  expect(clock.sleeperCount).toBe(0);
  await expect(clock.sleep(10, { signal: abort.signal })).rejects.toMatchObject({ code: "ACCORD_CANCELLED" });
});
