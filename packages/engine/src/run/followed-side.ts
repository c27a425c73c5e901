import type { SideIndex } from "@accord/core";
import type { OpenObject } from "../connector/connector.ts";
import type { RunningSync } from "./context.ts";

/** One side whose changes a connection's feed tells. */
export interface FollowedSide {
  readonly sync: RunningSync;
  readonly side: SideIndex;
  readonly object: OpenObject;
}
