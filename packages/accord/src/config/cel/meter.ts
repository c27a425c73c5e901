import { charactersPerStep, costMax } from "./limits.ts";

/**
 * Counts the steps of one evaluation. Counts only, never the clock: the same expression on the same values always costs
 * the same, so it passes or fails on every machine alike.
 */
export class Meter {
  #spent = 0;

  /** @throws {CostExceeded} past `costMax`; not absorbed by `&&` and `||`, it ends the evaluation */
  spend(steps: number): void {
    this.#spent += steps;
    if (this.#spent > costMax) throw new CostExceeded();
  }

  /** Pays for handling a text of this length. */
  spendText(characters: number): void {
    if (characters >= charactersPerStep) this.spend(Math.floor(characters / charactersPerStep));
  }
}

/** The evaluation took more than `costMax` steps. */
export class CostExceeded extends Error {
  constructor() {
    super(`the expression takes more than ${costMax.toString()} steps on these values`);
  }
}
