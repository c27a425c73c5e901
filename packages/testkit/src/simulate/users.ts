import { FakeRefusal } from "../fake/transaction.ts";
import type { FakeSystem } from "../fake/system.ts";
import { emailOf } from "./setting.ts";
import type { UserAction } from "./setting.ts";

export const OBJECT = "things";

/** Does what a person does, where the system lets them: what is not there cannot be edited. The system's own history tells what happened. */
export function act(systems: readonly FakeSystem[], action: UserAction): void {
  const system = systems[action.system];
  if (system === undefined) return;
  const record = recordOf(system, action.thing);
  try {
    switch (action.kind) {
      case "insert":
        if (record === null) system.user.insert(OBJECT, { ...action.cells, email: emailOf(action.thing) });
        return;
      case "edit":
        if (record !== null) system.user.update(OBJECT, record, action.cells);
        return;
      case "count": {
        if (record === null) return;
        const now = Number(system.record(OBJECT, record)?.[action.field] ?? 0);
        system.user.update(OBJECT, record, { [action.field]: String(now + action.delta) });
        return;
      }
      case "delete":
        if (record !== null) system.user.delete(OBJECT, record);
        return;
      case "replace": {
        const last = system.table(OBJECT).sortedIds().at(-1);
        if (last !== undefined) system.user.delete(OBJECT, last);
        system.user.insert(OBJECT, { ...action.cells, email: emailOf(action.thing) });
        return;
      }
    }
  } catch (error) {
    if (!(error instanceof FakeRefusal)) throw error;
  }
}

function recordOf(system: FakeSystem, thing: number): string | null {
  const email = emailOf(thing);
  for (const [record, cells] of system.records(OBJECT)) if (cells["email"] === email) return record;
  return null;
}
