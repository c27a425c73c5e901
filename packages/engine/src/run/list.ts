import { mergedInto, readImage } from "@accord/core";
import type { NativeImage, RecordId, SideIndex } from "@accord/core";
import { AccordError } from "../connector/errors.ts";
import type { CallOptions } from "../host/host.ts";
import type { ListedMember, Mark } from "../store/rows.ts";
import { compareBeside, isExpected } from "./beside.ts";
import type { BesideResult, BesideVisitor } from "./beside.ts";
import { confirmRenames } from "./confirm-renames.ts";
import { contestants } from "./contested.ts";
import type { EngineContext, RunningSync } from "./context.ts";
import { touch } from "./due.ts";
import { guardCanaries, guardCount } from "./guard-sight.ts";
import { Whereabouts } from "./relink.ts";
import { askedRecords, AskedSearch } from "./unproven.ts";

/** The error for a listing that ended before its end: nothing may be concluded from it. [S11] */
export function incompleteListing(sync: RunningSync, side: SideIndex): AccordError {
  const where = sync.model.sides[side]?.name ?? String(side);
  return new AccordError(
    "ACCORD_LISTING_INCOMPLETE",
    `${where} ended its list of ${sync.model.sides[side]?.object ?? "records"} before the end; run the command again.`,
    {
      remedy: "retry",
      where,
    },
  );
}

/**
 * A sweep: the listing of a side beside the stored members. What differs, is new or is missing becomes a mark to read. A missing record counts only once the listing is
 * complete. [S8, S11] Returns what was found.
 */
export async function sweep(context: EngineContext, sync: RunningSync, side: SideIndex, options: CallOptions): Promise<SweepResult> {
  return (await sweepSides(context, sync, [side], options)).get(side) ?? NOTHING_SWEPT;
}

export interface SweepResult {
  readonly records: number;
  readonly marks: number;
  /** False: the listing ended before its end; nothing was thought missing. [S11] */
  readonly isComplete: boolean;
}

const NOTHING_SWEPT: SweepResult = { records: 0, marks: 0, isComplete: false };

/** Sweeps several sides of a sync, reading the store once. */
export async function sweepSides(
  context: EngineContext,
  sync: RunningSync,
  sides: readonly SideIndex[],
  options: CallOptions,
): Promise<ReadonlyMap<SideIndex, SweepResult>> {
  const sweeps = new Map<SideIndex, Sweep>();
  for (const side of sides) {
    // Before the listing begins: what is asked for later, it may miss. [S35]
    const search = new AskedSearch(sync, side, await askedRecords(context, sync, side, options));
    sweeps.set(side, new Sweep(context, sync, side, search, options));
  }
  await compareBeside(context, sync, sweeps, null, options);
  return new Map([...sweeps].map(([side, { result }]) => [side, result]));
}

/** What a sweep of one side has found so far. */
class Sweep implements BesideVisitor {
  private readonly context: EngineContext;
  private readonly sync: RunningSync;
  private readonly side: SideIndex;
  private readonly search: AskedSearch;
  private readonly options: CallOptions;
  private readonly whereabouts: Whereabouts;
  private readonly goneShells: RecordId[] = [];
  private marks: Mark[] = [];
  private count = 0;
  result: SweepResult = NOTHING_SWEPT;

  constructor(context: EngineContext, sync: RunningSync, side: SideIndex, search: AskedSearch, options: CallOptions) {
    this.context = context;
    this.sync = sync;
    this.side = side;
    this.search = search;
    this.options = options;
    this.whereabouts = new Whereabouts(sync, side);
  }

  met(member: ListedMember, image: NativeImage): void {
    if (member.hasIntent || isAsKnown(this.sync, this.side, member, image)) return;
    this.marks.push(touch(this.sync, this.side, member.record, this.context.clock.nowMs()));
  }

  missed(member: ListedMember): void {
    if (!isExpected(member.state)) return;
    // A shell that was thrown away is no record under a new id. [S41]
    if (member.image !== null && this.isShell(member.image)) this.goneShells.push(member.record);
    else this.whereabouts.missed(member);
  }

  found(record: RecordId, image: NativeImage): void {
    if (this.isShell(image)) return;
    const nowMs = this.context.clock.nowMs();
    // What a create of ours may have made is no other record under a new id.
    const mark = this.search.mayBe(image) ? touch(this.sync, this.side, record, nowMs) : this.whereabouts.found(record, image, nowMs);
    if (mark !== null) this.marks.push(mark);
  }

  private isShell(image: NativeImage): boolean {
    const model = this.sync.model.sides[this.side];
    return model !== undefined && model.merged !== null && mergedInto(model, readImage(image)) !== null;
  }

  async settle(): Promise<void> {
    const { marks } = this;
    this.marks = [];
    this.count += marks.length;
    if (marks.length === 0) return;
    await guardCanaries(this.context, marks, this.options);
    await this.context.store.commitPull({ marks, cursor: null, listing: null }, this.options);
  }

  /** What can be said only at the end. */
  async end(listed: BesideResult): Promise<void> {
    const { context, sync, side, options } = this;
    const { records, strangers } = listed;
    this.result = { records, marks: this.count, isComplete: false };
    // A list whose length cannot be right says nothing: not what is missing, and not what is new.
    if (listed.isComplete && !(await guardCount(context, sync, side, listed, options))) return;
    const { isComplete } = listed;
    const nowMs = context.clock.nowMs();
    const marks = await confirmRenames(context, sync, side, this.whereabouts.marks(isComplete, nowMs), options);
    if (isComplete) {
      marks.push(...this.goneShells.map((record) => touch(sync, side, record, nowMs)));
      marks.push(...(await setAside(context, sync, side, options)));
    }
    if (!isComplete) context.log.warn("sweep.incomplete", { sync: sync.model.name, side: sync.model.sides[side]?.name, records });
    this.result = { records, marks: this.count + marks.length, isComplete };
    await guardCanaries(context, marks, options);
    const row = { side, state: "done", after: null, completedAtMs: nowMs, strangers } as const;
    const requests = isComplete ? this.search.requests(context) : [];
    if (requests.length > 0) await context.store.addRequests(requests, options);
    await context.store.commitPull({ marks, cursor: null, listing: isComplete ? { sync: sync.id, row } : null }, options);
  }
}

/** Records that wait for a person are looked at as well: of one that is gone no listing tells, and it would stand in the way of others for ever. [S36] */
async function setAside(context: EngineContext, sync: RunningSync, side: SideIndex, options: CallOptions): Promise<Mark[]> {
  const records = new Set([...(await contestants(context, sync, side, options)).values()].flatMap((names) => [...names]));
  return [...records].map((record) => touch(sync, side, record, context.clock.nowMs()));
}

/** Whether a listed image is no news of its member. Of a record out of scope the only news is that it is back: what changes in it meanwhile is not taken in. [S42] */
function isAsKnown(sync: RunningSync, side: SideIndex, member: ListedMember, image: NativeImage): boolean {
  if (member.state === "outOfScope") return sync.model.sides[side]?.filter?.(readImage(image)) === false;
  return member.image === image && isExpected(member.state);
}
