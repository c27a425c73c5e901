import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type { LostValue } from "./evidence.ts";

/** A write of Accord's that is open: begun, its outcome not yet taken in. */
export interface OpenIntent {
  readonly id: string;
  readonly side: number;
  readonly kind: string;
  readonly record: string | null;
}

/** How far Accord had come, as its store says. */
export interface StoreState {
  /** Changes that were seen and not merged. */
  readonly marks: number;
  /** Writes that are owed and not begun. */
  readonly due: number;
  readonly intents: readonly OpenIntent[];
}

/**
 * Looks into Accord's store from outside while Accord works, to choose the moment of a kill and to say which moment it was. No invariant is judged by it, but that the
 * conflict log names what lost.
 */
export interface StoreView {
  state(): StoreState;
  /** Nothing waits any more that would be done by itself: no mark, no due write, no open intent. */
  isIdle(): boolean;
  /** Guards that stopped something and wait for a person. */
  trips(): readonly string[];
  /** Every value that the conflict log (merge events in the journal) says has lost. */
  lostValues(): readonly LostValue[];
  /** Keeps Accord from committing, as a busy disk would, until the returned function ends it. Null where Accord is just committing. */
  hold(): (() => void) | null;
  close(): void;
}

export function openStoreView(file: string): StoreView | null {
  if (!existsSync(file)) return null;
  let database: DatabaseSync | null = null;
  // A store that is just being made has no tables yet.
  const reader = (): DatabaseSync => (database ??= new DatabaseSync(file, { readOnly: true, timeout: 2_000 }));
  return {
    state: () => {
      const open = reader();
      return {
        marks: count(open, "SELECT count(*) AS n FROM mark"),
        due: count(
          open,
          "SELECT count(*) AS n FROM due d WHERE d.state IN (0, 1) AND NOT EXISTS (SELECT 1 FROM intent i WHERE i.side = d.side AND i.entity = d.entity)",
        ),
        intents: open
          .prepare("SELECT i.id, s.place, i.kind, i.record FROM intent i JOIN side s ON s.id = i.side ORDER BY i.opened_at_ms")
          .all()
          .map((row) => ({
            id: String(row["id"]),
            side: Number(row["place"]),
            kind: String(row["kind"]),
            record: row["record"] === null ? null : String(row["record"]),
          })),
      };
    },
    isIdle: () =>
      count(
        reader(),
        "SELECT (SELECT count(*) FROM mark) + (SELECT count(*) FROM intent) + (SELECT count(*) FROM due WHERE state IN (0, 1)) AS n",
      ) === 0,
    trips: () =>
      reader()
        .prepare("SELECT id FROM trip WHERE approved_at_ms IS NULL")
        .all()
        .map(({ id }) => String(id)),
    lostValues: () => lostValues(reader()),
    hold: () => hold(file),
    close: () => database?.close(),
  };
}

/** Whether a look failed only since the store is just being made, or is busy; any other failure means that this file does not know the store any more. */
export function isTooEarly(error: unknown): boolean {
  return error instanceof Error && /no such table|unable to open|locked|busy/.test(error.message);
}

function count(database: DatabaseSync, sql: string): number {
  return Number(database.prepare(sql).get()?.["n"] ?? 0);
}

/** The place of the payload in an entry's line. */
const PAYLOAD = 8;

function lostValues(database: DatabaseSync): LostValue[] {
  const bodies = database.prepare("SELECT body FROM journal WHERE body LIKE '%\"lost\"%'").all();
  // A row holds a line per entry: the ninth of its texts is the payload.
  const lines = bodies.flatMap(({ body }) => String(body).split("\n"));
  return lines.flatMap((line) => (line.includes('"lost"') ? eventsOf(line.split("\t")[PAYLOAD] ?? "null") : []));
}

function eventsOf(body: string): LostValue[] {
  const payload: unknown = JSON.parse(body);
  if (typeof payload !== "object" || payload === null || !("events" in payload) || !Array.isArray(payload.events)) return [];
  return payload.events.flatMap((event: unknown) => {
    if (typeof event !== "object" || event === null || !("lost" in event) || !("field" in event)) return [];
    return typeof event.lost === "string" ? [{ field: String(event.field), value: event.lost }] : [];
  });
}

function hold(file: string): (() => void) | null {
  const database = new DatabaseSync(file, { timeout: 20 });
  try {
    database.exec("BEGIN IMMEDIATE");
  } catch {
    database.close();
    return null;
  }
  return () => {
    database.exec("ROLLBACK");
    database.close();
  };
}
