import { test } from "vitest";
import { Stage } from "./stage.ts";
import type { ContractFacts, MakeWorld } from "./world.ts";

/** What a rule of the contract needs of a connector to apply. */
export type Need =
  | "log"
  | "feed"
  | "numbered hints"
  | "compareAndSet"
  | "proof"
  | "externalId"
  | "returned image"
  | "returned position"
  | "per-item"
  | "all-or-nothing"
  | "rename"
  | "empty"
  | "merge"
  | "hold"
  | "unreachable"
  | "refused"
  | "cut";

/** Registers one rule: as a test where it applies, else as a skipped test whose title says why it does not. */
export type Rule = (title: string, needs: readonly Need[], body: (stage: Stage) => Promise<void>) => void;

/** Makes the function with which the chapters of the contract register their rules. Each test gets a world of its own. */
export function rulesFor(facts: ContractFacts, makeWorld: MakeWorld): Rule {
  return (title, needs, body) => {
    const reasons = needs.flatMap((need) => whyNot(facts, need) ?? []);
    if (reasons.length > 0) {
      test.skip(`${title} (does not apply: ${reasons.join("; ")})`);
      return;
    }
    test(title, async () => {
      const world = await makeWorld();
      const stage = new Stage(facts, world);
      try {
        await body(stage);
      } finally {
        await stage.close();
        await world.close();
      }
    });
  };
}

/** Why a need is not met, or null. */
export function whyNot(facts: ContractFacts, need: Need): string | null {
  switch (need) {
    case "log":
      return facts.capture === "log" ? null : "its feed carries no images";
    case "numbered hints":
      return facts.capture === "touched" && facts.numberedHints === true ? null : "its feed has no hints with positions";
    case "feed":
      return facts.capture === "sweep" ? "it has no feed" : null;
    case "compareAndSet":
    case "proof":
    case "externalId":
      return facts[need] ? null : `it lacks ${need}`;
    case "returned image":
      return facts.writesReturn === "nothing" ? "its writes return no image" : null;
    case "returned position":
      return facts.writesReturn === "image-and-position" ? null : "its writes return no position";
    case "per-item":
    case "all-or-nothing":
      return facts.batch === need ? null : `its batches are ${facts.batch}`;
    case "rename":
    case "empty":
    case "merge":
    case "hold":
      return facts.sideDoor.includes(need) ? null : `its users cannot ${need}`;
    case "unreachable":
    case "refused":
    case "cut":
      return facts.world.includes(need) ? null : `its world has no way to be ${need}`;
  }
}
