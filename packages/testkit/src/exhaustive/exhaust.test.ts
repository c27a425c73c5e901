import { afterAll, describe, expect, test } from "vitest";
import { endingText } from "./ending.ts";
import { exhaust } from "./exhaust.ts";
import { play } from "./player.ts";
import { SCENARIOS } from "./scenarios.ts";

/** `npm run exhaust` plays every pair; here every so many. */
const STRIDE = Number(process.env["EXHAUST_STRIDE"] ?? 12);

const counted = { scenarios: 0, steps: 0, pairs: 0, plays: 0 };

describe(`[I7] Accord dies after every step, and in every ${STRIDE}th pair of deaths again while it recovers`, () => {
  test("the table tells of more than 60 things, each once", () => {
    expect(new Set(SCENARIOS.map(({ name }) => name)).size).toBe(SCENARIOS.length);
    expect(SCENARIOS.length).toBeGreaterThanOrEqual(60);
  });

  for (const scenario of SCENARIOS) {
    const rules = scenario.rules.replaceAll(/\S+/g, "[$&]");
    test(`${rules} ${scenario.name}`, { timeout: 60_000 }, async () => {
      const { failures, steps, pairs, plays } = await exhaust(scenario, { stride: STRIDE });
      counted.scenarios += 1;
      counted.steps += steps;
      counted.pairs += pairs;
      counted.plays += plays;
      expect(failures).toEqual([]);
    });
  }

  afterAll(() => {
    const { scenarios, steps, pairs, plays } = counted;
    process.stdout.write(`${scenarios} scenarios, ${steps} steps to die after, ${pairs} pairs of deaths; ${plays} plays that differ\n`);
  });
});

describe("the player", () => {
  const scenario = SCENARIOS.find(({ name }) => name === "an update lands and its answer is lost");
  if (scenario === undefined) throw new RangeError("no scenario");

  test("deaths that leave the same behind have the same future: all others end as those that are played", async () => {
    const { isNews, ending } = await play(scenario, [], true);
    expect(isNews.filter((is) => is).length).toBeGreaterThan(5);
    for (const turn of isNews.keys()) {
      const played = await play(scenario, [turn]);
      expect(played.violations).toEqual([]);
      expect(endingText(played.ending)).toBe(endingText(ending));
    }
  });

  test("an end that is not the one told is a failure, and says which deaths lead to it", async () => {
    const { failures } = await exhaust({ ...scenario, ends: ["ann Nobody's"] }, { stride: 0 });
    expect(failures).toEqual([{ deaths: [], what: expect.stringContaining("instead of crm: ann Nobody's") as string }]);
  });
});
