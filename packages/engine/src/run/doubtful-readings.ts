import type { NativeImage, RecordId } from "@accord/core";
import type { LoadedMark } from "../store/rows.ts";
import { BySide } from "./by-side.ts";

/** Readings remembered of a side. What is forgotten is read twice more. */
const READINGS_MAX = 20_000;

/** A reading that may be old, and what was known of the record when it was asked for. */
interface Reading {
  readonly image: NativeImage | null;
  /** By the process's own clock. */
  readonly askedAtMs: number;
  readonly known: NativeImage | null;
  readonly seenAtMs: number;
}

/**
 * Readings of systems that may show what was some time ago (a replica, a search index). One that shows a record as it is no more would undo what came after it: our own write, or an edit seen
 * before. So a reading counts once a second one, asked for at least the staleness bound later, shows the same, and nothing was learnt of the record in between: what the second shows was so after
 * the first was asked for. [S10] That a record is gone is such a reading too. [S11]
 *
 * Kept in memory, by a clock that nobody sets: a process that begins reads twice.
 */
export class DoubtfulReadings {
  private readonly sides = new BySide<Map<RecordId, Reading>>(() => new Map());
  private readonly max: number;

  constructor(max = READINGS_MAX) {
    this.max = max;
  }

  /**
   * How long to wait before a marked record is read again; 0 where what was read of it counts. Milliseconds.
   *
   * @param askedAtMs when it was asked for, by the process's own clock
   * @param staleMsMax how old it may be
   */
  weigh({ sync, side, record, entity }: LoadedMark, image: NativeImage | null, askedAtMs: number, staleMsMax: number): number {
    const readings = this.sides.of(sync, side);
    const member = entity?.members[side] ?? null;
    const now: Reading = { image, askedAtMs, known: member?.image ?? null, seenAtMs: member?.seenAtMs ?? 0 };
    const before = readings.get(record);
    if (before === undefined || before.image !== image || before.known !== now.known || before.seenAtMs !== now.seenAtMs) {
      readings.delete(record);
      if (readings.size >= this.max) forgetOldest(readings);
      readings.set(record, now);
      return staleMsMax;
    }
    const restMs = before.askedAtMs + staleMsMax - askedAtMs;
    if (restMs > 0) return restMs;
    readings.delete(record);
    return 0;
  }
}

function forgetOldest(readings: Map<RecordId, Reading>): void {
  for (const record of readings.keys()) {
    readings.delete(record);
    return;
  }
}
