import { describe } from "vitest";
import { batchRules } from "./chapter-batch.ts";
import { coversRules } from "./chapter-covers.ts";
import { failureRules } from "./chapter-failure.ts";
import { feedRules } from "./chapter-feed.ts";
import { listRules } from "./chapter-list.ts";
import { mergeRules } from "./chapter-merge.ts";
import { proofRules } from "./chapter-proof.ts";
import { rulesFor } from "./rule.ts";
import { shapeRules } from "./chapter-shape.ts";
import type { ContractFacts, MakeWorld } from "./world.ts";
import { writeRules } from "./chapter-write.ts";

/**
 * The suite that every connector passes, the fake included: each promise of the port's docstrings as a test.
 * Rules that do not apply to what the connector is known for are registered as skipped tests whose titles say why.
 *
 * @param makeWorld gives a fresh, empty system per test
 */
export function connectorContract(name: string, makeWorld: MakeWorld, facts: ContractFacts): void {
  describe(`${name} keeps the connector contract`, () => {
    const rule = rulesFor(facts, makeWorld);
    describe("what it says of the system", () => shapeRules(rule));
    describe("listing and reading", () => listRules(rule));
    describe("writing", () => writeRules(rule));
    describe("batches", () => batchRules(rule));
    describe("proof and installation", () => proofRules(rule));
    describe("the feed", () => feedRules(rule));
    describe("merged records", () => mergeRules(rule));
    describe("positions", () => coversRules(rule));
    describe("failures", () => failureRules(rule));
  });
}
