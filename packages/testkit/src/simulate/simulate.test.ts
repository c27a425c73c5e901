import { describe, expect, test } from "vitest";
import { generateSetting } from "./generate.ts";
import { settingText, shrinkSetting } from "./shrink.ts";
import { playSeeds, simulate } from "./simulate.ts";

const SEEDS = Number(process.env["SIMULATE_SEEDS"] ?? 250);
const FIRST = Number(process.env["SIMULATE_FROM"] ?? 1);

describe("the real engine on simulated ports", () => {
  for (const systems of [2, 3, 4]) {
    test(`[I1]–[I8] [I12] [I14] hold with ${systems} systems, whatever fails in whatever order`, { timeout: 600_000 }, async () => {
      const { failed, seeds } = await playSeeds({ from: FIRST, to: FIRST + SEEDS, step: 1, systems });
      expect(failed).toBeNull();
      expect(seeds).toBe(SEEDS);
    });
  }

  test("the same seed gives the same turns, another seed others", async () => {
    const [first, again, other] = [await simulate(7), await simulate(7), await simulate(8)];
    expect(again.trace).toBe(first.trace);
    expect(again.turns).toBe(first.turns);
    expect(other.trace).not.toBe(first.trace);
  });

  test("a setting is shrunk to what its failure needs", async () => {
    const setting = generateSetting(11, 2);
    const needs = (candidate: typeof setting): boolean =>
      candidate.script.some(({ kind }) => kind === "delete") && candidate.script.filter(({ kind }) => kind === "edit").length >= 2;
    expect(needs(setting)).toBe(true);
    const least = await shrinkSetting(setting, (candidate) => Promise.resolve(needs(candidate)));
    expect(least.script.map(({ kind }) => kind).toSorted()).toEqual(["delete", "edit", "edit"]);
    expect(least.before.flat()).toEqual([]);
    expect(settingText(least).split("\n")).toHaveLength(1 + least.systems.length + least.fields.length + 3);
  });
});
