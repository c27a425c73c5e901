import type { SideIndex } from "@accord/core";
import { AccordError } from "../connector/errors.ts";
import type { OpenObject } from "../connector/connector.ts";
import type { CallOptions } from "../host/host.ts";
import type { LoadedMark } from "../store/rows.ts";
import type { ChangeSet } from "./changes.ts";
import { retryDelayMs } from "./context.ts";
import type { EngineContext, RunningSync } from "./context.ts";
import { touch } from "./due.ts";

/**
 * Sweeps guess that a record which is missing and one which is new are the same under a new id [S63], and what they saw may be old: the missing one was made while the
 * listing went on, the new one is linked to another entity by now. So a guess counts only where the old id is gone by a positive reading [S11], and the new one is nobody's. What
 * is not confirmed becomes two hints.
 */
export async function confirmRenames(
  context: EngineContext,
  sync: RunningSync,
  marks: readonly LoadedMark[],
  changes: ChangeSet,
  options: CallOptions,
): Promise<readonly LoadedMark[]> {
  const guesses = marks.filter(isGuess);
  if (guesses.length === 0) return marks;
  const answered = new Set<LoadedMark>();
  for (const [side, object] of sync.objects.entries()) {
    const own = guesses.filter((mark) => mark.side === side);
    const size = object.capabilities.pageSizeMax;
    for (let start = 0; start < own.length; start += size) {
      const page = own.slice(start, start + size);
      for (const mark of await unconfirmed(context, sync, side, object, page, changes, options)) answered.add(mark);
    }
  }
  return marks.filter((mark) => !answered.has(mark));
}

/** Feeds that tell of a new key know the instant; hints of sweeps say since when at most. */
function isGuess({ kind, renamedFrom, fromMs }: LoadedMark): boolean {
  return kind === "touched" && renamedFrom !== null && fromMs === -1;
}

/** Guesses that do not hold, replaced by what is to be looked at, and those that have to wait because the system does not answer. */
async function unconfirmed(
  context: EngineContext,
  sync: RunningSync,
  side: SideIndex,
  object: OpenObject,
  page: readonly LoadedMark[],
  changes: ChangeSet,
  options: CallOptions,
): Promise<readonly LoadedMark[]> {
  const records = page.map(({ record }) => record);
  const former = page.map(({ record, renamedFrom }) => renamedFrom ?? record);
  const nowMs = context.clock.nowMs();
  try {
    const { images } = await object.read(former, options);
    const holders = await context.store.findLinks(sync.id, side, records, options);
    const owners = await context.store.findLinks(sync.id, side, former, options);
    const wrong = page.filter((_, index) => {
      const holder = holders[index] ?? null;
      return (images[index] ?? null) !== null || (holder !== null && holder !== owners[index]);
    });
    for (const { sequence, record, renamedFrom } of wrong) {
      changes.consumed.push(sequence);
      changes.marks.push(touch(sync, side, record, nowMs), touch(sync, side, renamedFrom ?? record, nowMs));
    }
    return wrong;
  } catch (error) {
    if (!(error instanceof AccordError) || (error.remedy !== "retry" && error.remedy !== "reauthorize")) throw error;
    for (const { sequence, attempts } of page)
      changes.deferred.push({ sequence, notBeforeMs: nowMs + (error.retryAfterMs ?? retryDelayMs(context.limits, attempts)) });
    return page;
  }
}
