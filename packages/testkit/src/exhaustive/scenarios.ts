import type { Scenario } from "./scenario.ts";
import { APPENDED } from "./table/appended.ts";
import { EDITS } from "./table/edits.ts";
import { IDS } from "./table/ids.ts";
import { KIN } from "./table/kin.ts";
import { LIVES } from "./table/lives.ts";
import { MERGES } from "./table/merges.ts";
import { RETURNS } from "./table/returns.ts";
import { OPERATIONS } from "./table/operations.ts";
import { OUTCOMES } from "./table/outcomes.ts";
import { POLICIES } from "./table/policies.ts";

/** Every short story in which Accord dies at every step. [I7] */
export const SCENARIOS: readonly Scenario[] = [
  ...EDITS,
  ...OUTCOMES,
  ...POLICIES,
  ...LIVES,
  ...IDS,
  ...KIN,
  ...MERGES,
  ...RETURNS,
  ...APPENDED,
  ...OPERATIONS,
];
