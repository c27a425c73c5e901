import type { Changes } from "@accord/engine/store";

/** A commit that changes nothing, to be filled in. */
export const NO_CHANGES: Changes = {
  entities: [],
  consumed: [],
  marks: [],
  deferred: [],
  requestsDone: [],
  due: [],
  dueDone: [],
  arrived: [],
  intentsOpened: [],
  intentsClosed: [],
  journal: [],
  problems: [],
  problemsOver: [],
};
