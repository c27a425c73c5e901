import { manualClock, UNCANCELLED } from "@accord/testkit";
import { expect, test } from "vitest";
import { Bell } from "./bell.ts";

test("[S57] a ring while nobody waits, or at the very moment at which a wait ends, is not lost", async () => {
  const clock = manualClock();
  const bell = new Bell(clock);
  bell.ring();
  expect(await bell.wait(100, UNCANCELLED)).toBe(true);
  const waiting = bell.wait(100, UNCANCELLED);
  void clock.sleep(100, UNCANCELLED).then(() => bell.ring());
  await clock.advance(100);
  const isHeard = await waiting;
  expect(isHeard || (await bell.wait(0, UNCANCELLED))).toBe(true);
});

test("a wait ends by itself, with the signal, or with a ring, and says which", async () => {
  const clock = manualClock();
  const bell = new Bell(clock);
  const silent = bell.wait(100, UNCANCELLED);
  await clock.advance(100);
  expect(await silent).toBe(false);
  const rung = bell.wait(100, UNCANCELLED);
  bell.ring();
  expect(await rung).toBe(true);
  const stop = new AbortController();
  const ended = bell.wait(100, { signal: stop.signal });
  stop.abort();
  expect(await ended).toBe(false);
});
