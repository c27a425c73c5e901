import type { EntityId, IntentId } from "@accord/core";
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

/** One row of the table of intents: those of one shard and side that one commit opened, at most {@link INTENTS_PER_BLOCK}. */
interface IntentBlock {
  readonly number: number;
  readonly shard: Shard;
  readonly intents: Map<IntentId, OpenIntent>;
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
  linesOf(shard: Shard): readonly { readonly side: number; readonly line: IntentLine }[];
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
  readonly blocks: Map<number, IntentBlock>;
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
    linesOf: (shard) =>
      [...known().blocks.values()]
        .filter((block) => block.shard === shard)
        .flatMap(({ number }) => {
          const [side, body] = session.first<[number, string]>("SELECT side, body FROM intent_block WHERE number = ?", number) ?? [0, "[]"];
          return readIntentLines(body).map((line) => ({ side, line }));
        }),
    open: (intents) => {
      for (const [side, own] of groupBy(intents, (one) => one.side)) {
        for (const [shard, some] of groupBy(own, ({ intent }) => shardOf(intent.entity))) {
          for (let at = 0; at < some.length; at += INTENTS_PER_BLOCK)
            openBlock(session, known(), shard, side, some.slice(at, at + INTENTS_PER_BLOCK));
        }
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
  const known: Known = { byId: new Map(), bySide: new Map(), blocks: new Map(), last: 0 };
  const rows = session.all<[number, number, number, string]>("SELECT number, shard, side, body FROM intent_block ORDER BY number");
  for (const [number, shard, side, body] of rows) {
    const block: IntentBlock = { number, shard, intents: new Map() };
    known.blocks.set(number, block);
    known.last = number;
    for (const [id, entity, kind, , , , , deadlineMs] of readIntentLines(body)) keep(known, { id, side, entity, kind, deadlineMs, block });
  }
  return known;
}

function keep(known: Known, intent: OpenIntent): void {
  const { id, side, entity, block } = intent;
  const atSide = known.bySide.get(side) ?? new Map<EntityId, OpenIntent>();
  assert(!atSide.has(entity), `entity ${entity} has an open intent at this side already`);
  assert(!known.byId.has(id), `intent ${id} is open already`);
  atSide.set(entity, intent);
  known.bySide.set(side, atSide);
  known.byId.set(id, intent);
  block.intents.set(id, intent);
}

function openBlock(session: Session, known: Known, shard: Shard, side: number, intents: readonly NumberedIntent[]): void {
  known.last += 1;
  const block: IntentBlock = { number: known.last, shard, intents: new Map() };
  known.blocks.set(block.number, block);
  for (const { intent } of intents) {
    const { id, entity, kind, deadlineMs } = intent;
    keep(known, { id, side, entity, kind, deadlineMs, block });
  }
  const body = writeIntentLines(intents.map(({ intent }) => intent));
  session.run("INSERT INTO intent_block (number, shard, side, body) VALUES (?, ?, ?, ?)", block.number, shard, side, body);
}

/** A block all of whose intents are closed goes; one that is closed in part is written anew without them. */
function closeIntents(session: Session, known: Known, ids: readonly IntentId[]): void {
  const touched = new Set<IntentBlock>();
  for (const id of ids) {
    const intent = known.byId.get(id);
    if (intent === undefined) continue;
    known.byId.delete(id);
    known.bySide.get(intent.side)?.delete(intent.entity);
    intent.block.intents.delete(id);
    touched.add(intent.block);
  }
  for (const { number, intents } of touched) {
    if (intents.size === 0) {
      known.blocks.delete(number);
      session.run("DELETE FROM intent_block WHERE number = ?", number);
      continue;
    }
    const body = session.first<[string]>("SELECT body FROM intent_block WHERE number = ?", number)?.[0] ?? "[]";
    const left = readIntentLines(body).filter(([id]) => intents.has(id));
    session.run("UPDATE intent_block SET body = ? WHERE number = ?", JSON.stringify(left), number);
  }
}
