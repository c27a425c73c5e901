import type { EntityId, IntentId, NativeImage } from "@accord/core";
import { assert } from "@accord/engine/connector";
import type { Intent, Shard } from "@accord/engine/store";
import { groupBy } from "./group.ts";
import { readIntentLines, writeIntentLines, type IntentLine } from "./intent-lines.ts";
import { INTENTS_PER_BLOCK } from "./limits.ts";
import type { Session } from "./session.ts";
import type { ShardOf } from "./shards.ts";

/** What of an open intent is kept in memory. */
export interface OpenIntent {
  readonly id: IntentId;
  readonly side: number;
  readonly entity: EntityId;
  readonly kind: Intent["kind"];
  readonly deadlineMs: number;
  readonly block: IntentBlock;
}

/** One row of the table of intents: some of one side that one commit opened, at most {@link INTENTS_PER_BLOCK}. */
interface IntentBlock {
  readonly number: number;
  /** How many of them are open. */
  open: number;
}

/** An intent as its block holds it. */
export interface OpenLine {
  readonly side: number;
  readonly line: IntentLine;
  /** What the block's creates ask for. */
  readonly images: readonly NativeImage[];
}

/** An intent with the number of its side. */
export interface NumberedIntent {
  readonly side: number;
  readonly intent: Intent;
}

/**
 * Which intents are open: the only source of a member's `intent`, so that opening one writes no entity. [S29] The file keeps a row per block; what is asked all the time
 * is kept in memory, some 200 bytes an intent, and read again where another process has committed. In flight are a few batches, after a crash those of the dead.
 */
export interface OpenIntents {
  of(side: number, entity: EntityId): IntentId | null;
  /** Null where it is not known to be open. */
  kindOf(id: IntentId): Intent["kind"] | null;
  /** By entity, those at a side. */
  atSide(side: number): ReadonlyMap<EntityId, OpenIntent>;
  isAny(): boolean;
  all(): Iterable<OpenIntent>;
  /** The lines of a shard as they were opened, in no order. */
  linesOf(shard: Shard): readonly OpenLine[];
  /** A second open intent of one member is refused. [S3] */
  open(intents: readonly NumberedIntent[]): void;
  /** Those that are not open are none of our business. */
  close(ids: readonly IntentId[]): void;
  /** What is in memory may not be so any more. */
  forget(): void;
}

interface Known {
  readonly byId: Map<IntentId, OpenIntent>;
  readonly bySide: Map<number, Map<EntityId, OpenIntent>>;
  /** The number of the last block. */
  last: number;
}

export function createOpenIntents(session: Session, shardOf: ShardOf): OpenIntents {
  let kept: Known | null = null;
  const known = (): Known => (kept ??= readBlocks(session));
  return {
    of: (side, entity) => known().bySide.get(side)?.get(entity)?.id ?? null,
    kindOf: (id) => known().byId.get(id)?.kind ?? null,
    atSide: (side) => known().bySide.get(side) ?? NONE,
    isAny: () => known().byId.size > 0,
    all: () => known().byId.values(),
    linesOf: (shard) => {
      const blocks = new Set<IntentBlock>();
      for (const { entity, block } of known().byId.values()) if (shardOf(entity) === shard) blocks.add(block);
      return [...blocks].flatMap(({ number }) => {
        const row = session.first<[number, string, string | null]>("SELECT side, body, images FROM intent_block WHERE number = ?", number);
        const [side, body, texts] = row ?? [0, "[]", null];
        const images = texts?.split("\n") ?? [];
        return readIntentLines(body).flatMap((line) => (shardOf(line[1]) === shard ? [{ side, line, images }] : []));
      });
    },
    open: (intents) => {
      for (const [side, own] of groupBy(intents, (one) => one.side)) {
        for (let at = 0; at < own.length; at += INTENTS_PER_BLOCK) openBlock(session, known(), side, own.slice(at, at + INTENTS_PER_BLOCK));
      }
    },
    close: (ids) => {
      closeIntents(session, known(), ids);
    },
    forget: () => {
      kept = null;
    },
  };
}

const NONE: ReadonlyMap<EntityId, OpenIntent> = new Map();

function readBlocks(session: Session): Known {
  const known: Known = { byId: new Map(), bySide: new Map(), last: 0 };
  const rows = session.all<[number, number, string]>("SELECT number, side, body FROM intent_block ORDER BY number");
  for (const [number, side, body] of rows) {
    const block: IntentBlock = { number, open: 0 };
    known.last = number;
    for (const [id, entity, kind, , , , , deadlineMs] of readIntentLines(body)) keep(known, { id, side, entity, kind, deadlineMs, block });
  }
  return known;
}

function keep(known: Known, intent: OpenIntent): void {
  const { id, side, entity, block } = intent;
  let atSide = known.bySide.get(side);
  if (atSide === undefined) known.bySide.set(side, (atSide = new Map()));
  assert(!atSide.has(entity), "a member has one open intent at most");
  assert(!known.byId.has(id), "an intent is opened once");
  atSide.set(entity, intent);
  known.byId.set(id, intent);
  block.open += 1;
}

function openBlock(session: Session, known: Known, side: number, intents: readonly NumberedIntent[]): void {
  known.last += 1;
  const block: IntentBlock = { number: known.last, open: 0 };
  for (const { intent } of intents) {
    const { id, entity, kind, deadlineMs } = intent;
    keep(known, { id, side, entity, kind, deadlineMs, block });
  }
  const { body, images } = writeIntentLines(intents.map(({ intent }) => intent));
  session.run("INSERT INTO intent_block (number, side, body, images) VALUES (?, ?, ?, ?)", block.number, side, body, images);
}

/** A block all of whose intents are closed goes; one that is closed in part is written anew without them. */
function closeIntents(session: Session, known: Known, ids: readonly IntentId[]): void {
  const touched = new Set<IntentBlock>();
  for (const id of ids) {
    const intent = known.byId.get(id);
    if (intent === undefined) continue;
    known.byId.delete(id);
    known.bySide.get(intent.side)?.delete(intent.entity);
    intent.block.open -= 1;
    touched.add(intent.block);
  }
  for (const { number, open } of touched) {
    if (open === 0) {
      session.run("DELETE FROM intent_block WHERE number = ?", number);
      continue;
    }
    const body = session.first<[string]>("SELECT body FROM intent_block WHERE number = ?", number)?.[0] ?? "[]";
    const left = readIntentLines(body).filter(([id]) => known.byId.has(id));
    session.run("UPDATE intent_block SET body = ? WHERE number = ?", JSON.stringify(left), number);
  }
}
