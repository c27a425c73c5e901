import type { PlanSummary } from "@accord/engine";
import type { OperationJson } from "./plan-view.ts";

/** What `accord plan --json` prints. */
export interface PlanJson {
  readonly plan: number;
  /** ISO 8601. */
  readonly createdAt: string;
  /** Writes that the plan calls for. None was made. */
  readonly changes: number;
  readonly syncs: PlanSummary["syncs"];
  /** Guards that will stop it until they are approved. */
  readonly stops: PlanSummary["stops"];
  /** Records that could not be taken in, at most 100. */
  readonly problems: readonly {
    readonly sync: string;
    readonly side: string;
    readonly record: string;
    readonly kind: string;
    readonly reason: string;
  }[];
  /** The first operations, or those of the sample. */
  readonly operations: readonly OperationJson[];
  readonly warnings: readonly string[];
}
