import type { RecordId, SideIndex } from "@accord/core";
import type { CallOptions } from "../host/host.ts";
import type { LoadedMark, Mark } from "../store/rows.ts";
import type { ChangeSet } from "./changes.ts";
import type { EngineContext, RunningSync } from "./context.ts";
import { touch } from "./due.ts";

/**
 * A sweep guesses that a record which is missing and one which is new are the same under a new id [S63], and what it saw may be old: the missing one was made while the
 * listing went on, the new one is linked to another entity by now. So a guess counts only where the old id is gone by a positive reading [S11], and the new one is nobody's. What
 * is not confirmed becomes two hints.
 */
export async function confirmRenames(
  context: EngineContext,
  sync: RunningSync,
  side: SideIndex,
  marks: readonly Mark[],
  options: CallOptions,
): Promise<Mark[]> {
  const guesses = marks.flatMap(({ record, renamedFrom }): Guess[] => (renamedFrom === null ? [] : [{ record, former: renamedFrom }]));
  const wrong = await refuted(context, sync, side, guesses, options);
  const nowMs = context.clock.nowMs();
  return marks.flatMap((mark) => {
    const former = wrong.get(mark.record);
    return former === undefined ? [mark] : [touch(sync, side, mark.record, nowMs), touch(sync, side, former, nowMs)];
  });
}

/**
 * A rename whose new id came to be linked to another entity before its turn (the record was joined by what the feed told of it) is none any more: it becomes two hints, and the link
 * stays injective. [S34, S63] Returns the other marks.
 */
export async function withoutOvertaken(
  context: EngineContext,
  sync: RunningSync,
  marks: readonly LoadedMark[],
  changes: ChangeSet,
  options: CallOptions,
): Promise<readonly LoadedMark[]> {
  const overtaken = new Set<LoadedMark>();
  const nowMs = context.clock.nowMs();
  for (const mark of marks) {
    const { side, record, renamedFrom, entity, sequence } = mark;
    if (renamedFrom === null || entity === null) continue;
    const [holder = null] = await context.store.findLinks(sync.id, side, [record], options);
    if (holder === null || holder === entity.id) continue;
    overtaken.add(mark);
    changes.consumed.push(sequence);
    changes.marks.push(touch(sync, side, record, nowMs), touch(sync, side, renamedFrom, nowMs));
  }
  return overtaken.size === 0 ? marks : marks.filter((mark) => !overtaken.has(mark));
}

interface Guess {
  readonly record: RecordId;
  readonly former: RecordId;
}

/** The former ids of guesses that do not hold, by the new ones. */
async function refuted(
  context: EngineContext,
  sync: RunningSync,
  side: SideIndex,
  guesses: readonly Guess[],
  options: CallOptions,
): Promise<ReadonlyMap<RecordId, RecordId>> {
  const wrong = new Map<RecordId, RecordId>();
  const object = sync.objects[side];
  if (object === undefined) return wrong;
  const size = object.capabilities.pageSizeMax;
  for (let start = 0; start < guesses.length; start += size) {
    const page = guesses.slice(start, start + size);
    const records = page.map(({ record }) => record);
    const formers = page.map(({ former }) => former);
    const { images } = await object.read(formers, options);
    const holders = await context.store.findLinks(sync.id, side, records, options);
    page.forEach(({ record, former }, index) => {
      if ((images[index] ?? null) !== null || (holders[index] ?? null) !== null) wrong.set(record, former);
    });
  }
  return wrong;
}
