import type { StoreIdentity } from "@accord/engine/store";
import { storeBroken } from "./errors.ts";
import type { Session } from "./session.ts";

/** Entity ids of one generation: generation × 2^36 + a sequence. [S58] */
const GENERATION_SIZE = 2 ** 36;

type Counter = "entity" | "mark";

export interface NewStore {
  readonly storeId: string;
  readonly shards: number;
}

export function writeNewStore(session: Session, store: NewStore): void {
  for (const [name, value] of Object.entries({
    store_id: store.storeId,
    generation: 0,
    shards: store.shards,
    restored: 0,
    entity: 0,
    mark: 0,
    journal: 0,
    flushes: 0,
    chain: "",
  })) {
    session.run("INSERT INTO meta (name, value) VALUES (?, ?)", name, value);
  }
}

export function readIdentity(session: Session): StoreIdentity {
  const values = new Map(session.all<[string, string | number]>("SELECT name, value FROM meta"));
  const storeId = values.get("store_id");
  if (typeof storeId !== "string") throw storeBroken(session.file, "does not say which store it is");
  const number = (name: string): number => Number(values.get(name) ?? 0);
  return { storeId, generation: number("generation"), shards: number("shards"), restored: number("restored") === 1 };
}

export function readMeta(session: Session, name: string): string | number | null {
  return session.first<[string | number | null]>("SELECT value FROM meta WHERE name = ?", name)?.[0] ?? null;
}

export function writeMeta(session: Session, name: string, value: string | number): void {
  session.run("UPDATE meta SET value = ? WHERE name = ?", value, name);
}

/** Changes something, so that the commit around it is flushed: SQLite passes over one that changes nothing. */
export function writeFlush(session: Session): void {
  session.run("UPDATE meta SET value = value + 1 WHERE name = 'flushes'");
}

/** Takes `count` numbers of a counter that never gives a number twice: the first of them. Numbers start at 1. */
export function takeNumbers(session: Session, counter: Counter, count: number): number {
  const last =
    session.first<[number]>("UPDATE meta SET value = CAST(value + ? AS INTEGER) WHERE name = ? RETURNING value", count, counter)?.[0] ?? 0;
  return last - count + 1;
}

/** A range of entity ids never given before, in any generation: its first. */
export function takeEntities(session: Session, count: number): number {
  return Number(readMeta(session, "generation") ?? 0) * GENERATION_SIZE + takeNumbers(session, "entity", count);
}

/** Makes this store one that is behind the world: a new generation, above its own and `seen`. [S58] Returns it. */
export function fallBehind(session: Session, seen: number): number {
  const generation = Math.max(Number(readMeta(session, "generation") ?? 0), seen) + 1;
  writeMeta(session, "generation", generation);
  writeMeta(session, "restored", 1);
  return generation;
}
