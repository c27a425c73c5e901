import type { Entity, OwedField } from "@accord/core";
import type { WriteOperation } from "../connector/connector.ts";
import type { Due, Intent } from "../store/rows.ts";

/** What a call takes. */
export type Sent = Pick<Dispatch, "due" | "intent" | "operation">;

/** One write on its way, with everything settling it needs. */
export interface Dispatch {
  readonly due: Due;
  readonly entity: Entity;
  readonly intent: Intent;
  readonly operation: WriteOperation;
  readonly fields: readonly OwedField[];
}
