import type { EntityId } from "@accord/core";

/** Begins keys that no match key begins with. */
const MARK = "\u0001";

/**
 * The key under which an entity is kept for each other one that it names: in its canonical record, or in a record of its at some side. It stands among the entity's match keys, behind them, and
 * is looked up by `Store.listNaming`. [S45]
 */
export function nameKey(named: EntityId): string {
  return `${MARK}${named}`;
}

/** Whether a key is such a one: it means the same wherever it stands among an entity's keys. */
export function isNameKey(key: string): boolean {
  return key.startsWith(MARK);
}
