import { mergedInto, readImage } from "@accord/core";
import type { NativeImage, RecordId, SideIndex } from "@accord/core";
import { AccordError } from "../connector/errors.ts";
import type { Position } from "../connector/connector.ts";
import type { CallOptions } from "../host/host.ts";
import type { LoadedMark } from "../store/rows.ts";
import type { ChangeSet } from "./changes.ts";
import { retryDelayMs } from "./context.ts";
import type { EngineContext, RunningSync } from "./context.ts";

/** What is known of a marked record after looking: its image, or that it is gone. */
export interface Sight {
  readonly mark: LoadedMark;
  /** Null: there is no such record any more. */
  readonly image: NativeImage | null;
  readonly position: Position | null;
  /** The record that it was merged into, as it reads. [S41] */
  readonly mergedInto: RecordId | null;
  readonly fromMs: number;
  readonly toMs: number;
  /** Read by id or listed: what is unknown in it would be no better known by reading again. */
  readonly isReading: boolean;
}

/**
 * Turns marks into sights: images from a log stand for themselves unless an own write already includes them (S57); everything else is read by id (S7).
 * Marks whose reading fails for a while are put off; marks that are old news are consumed.
 */
export async function lookAt(
  context: EngineContext,
  sync: RunningSync,
  marks: readonly LoadedMark[],
  changes: ChangeSet,
  options: CallOptions,
): Promise<readonly Sight[]> {
  const told: Sight[] = [];
  const toRead = new Map<SideIndex, LoadedMark[]>();
  for (const mark of marks) {
    if (isOldNews(sync, mark)) {
      changes.consumed.push(mark.sequence);
    } else if (mark.kind === "touched" || mark.kind === "replaced") {
      const list = toRead.get(mark.side) ?? [];
      list.push(mark);
      toRead.set(mark.side, list);
    } else told.push(sightOf(sync, mark, mark.kind === "deleted" ? null : mark.image, mark.position, mark.toMs, mark.keys !== null));
  }
  if (toRead.size === 0) return told;
  const sights = new Map(told.map((sight) => [sight.mark.sequence, sight]));
  for (const [side, list] of toRead) {
    for (const sight of await readMarks(context, sync, side, list, changes, options)) sights.set(sight.mark.sequence, sight);
  }
  return marks.flatMap((mark) => sights.get(mark.sequence) ?? []);
}

/** Whether the member's image already includes what the mark tells: a late image never reverts anything. [S57] */
function isOldNews(sync: RunningSync, mark: LoadedMark): boolean {
  const known = mark.entity?.members[mark.side]?.position;
  if (mark.position === null || known === null || known === undefined) return false;
  return sync.objects[mark.side]?.covers(known, mark.position) ?? false;
}

async function readMarks(
  context: EngineContext,
  sync: RunningSync,
  side: SideIndex,
  marks: readonly LoadedMark[],
  changes: ChangeSet,
  options: CallOptions,
): Promise<Sight[]> {
  const object = sync.objects[side];
  if (object === undefined) return [];
  const sights: Sight[] = [];
  const { pageSizeMax: size, staleReadMsMax } = object.capabilities;
  for (let start = 0; start < marks.length; start += size) {
    const chunk = marks.slice(start, start + size);
    const askedAtMs = context.clock.elapsedMs();
    try {
      const reading = await object.read(
        chunk.map((mark) => mark.record),
        options,
      );
      const nowMs = context.clock.nowMs();
      for (const [index, mark] of chunk.entries()) {
        const image = reading.images[index] ?? null;
        const waitMs = staleReadMsMax === 0 ? 0 : context.doubtful.weigh(mark, image, askedAtMs, staleReadMsMax);
        if (waitMs > 0) {
          changes.deferred.push({ sequence: mark.sequence, notBeforeMs: nowMs + waitMs });
          continue;
        }
        const told = image === null ? (reading.merged?.[index] ?? null) : null;
        const sight = sightOf(sync, mark, image, reading.position, nowMs, true);
        sights.push(told === null ? sight : { ...sight, mergedInto: told });
      }
    } catch (error) {
      if (!(error instanceof AccordError) || (error.remedy !== "retry" && error.remedy !== "reauthorize")) throw error;
      context.log.warn("read.deferred", {
        sync: sync.model.name,
        side: sync.model.sides[side]?.name,
        records: chunk.length,
        code: error.code,
      });
      for (const mark of chunk) {
        changes.deferred.push({
          sequence: mark.sequence,
          notBeforeMs: context.clock.nowMs() + (error.retryAfterMs ?? retryDelayMs(context.limits, mark.attempts)),
        });
      }
    }
  }
  return sights;
}

function sightOf(
  sync: RunningSync,
  mark: LoadedMark,
  image: NativeImage | null,
  position: Position | null,
  toMs: number,
  isReading: boolean,
): Sight {
  const side = sync.model.sides[mark.side];
  const seenAtMs = mark.entity?.members[mark.side]?.seenAtMs ?? 0;
  const fromMs = mark.fromMs < 0 ? Math.min(seenAtMs, toMs) : mark.fromMs;
  const into = side === undefined || side.merged === null || image === null ? null : mergedInto(side, readImage(image));
  const isRead = mark.kind === "touched" || mark.kind === "replaced";
  return { mark, image, position, mergedInto: into, fromMs, toMs: isRead ? toMs : mark.toMs, isReading };
}
