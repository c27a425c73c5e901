import type { Session } from "./session.ts";

/** What is counted as it changes: living entities by sync, members with a record by side, and waiting marks by side. */
export type Counted = "entity" | "member" | "mark";

const KINDS: readonly Counted[] = ["entity", "member", "mark"];

/** The differences of one transaction, gathered and written once at its end. */
export interface Tally {
  add(kind: Counted, number: number, difference: number): void;
  write(): void;
  /** Forgets what was gathered: the transaction was undone. */
  clear(): void;
}

export function createTally(session: Session): Tally {
  const gathered = KINDS.map(() => new Map<number, number>());
  const clear = (): void => {
    for (const counts of gathered) counts.clear();
  };
  return {
    add: (kind, number, difference) => {
      const counts = gathered[KINDS.indexOf(kind)];
      if (difference !== 0) counts?.set(number, (counts.get(number) ?? 0) + difference);
    },
    write: () => {
      gathered.forEach((counts, kind) => {
        for (const [number, difference] of counts) {
          if (difference === 0) continue;
          session.run(
            "INSERT INTO counter (kind, number, count) VALUES (?, ?, ?) ON CONFLICT (kind, number) DO UPDATE SET count = count + excluded.count",
            kind,
            number,
            difference,
          );
        }
      });
      clear();
    },
    clear,
  };
}

/** Counts of one kind, by number. */
export function readTally(session: Session, kind: Counted): ReadonlyMap<number, number> {
  return new Map(session.all<[number, number]>("SELECT number, count FROM counter WHERE kind = ?", KINDS.indexOf(kind)));
}

/** Nothing of this kind is left at the sides of a sync. */
export function clearTally(session: Session, kind: Counted, sync: number): void {
  session.run("DELETE FROM counter WHERE kind = ? AND number IN (SELECT id FROM side WHERE sync = ?)", KINDS.indexOf(kind), sync);
}
