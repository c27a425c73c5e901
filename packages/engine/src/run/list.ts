import { compareRecordIds, readImage } from "@accord/core";
import type { NativeImage, RecordId, SideIndex } from "@accord/core";
import type { OpenObject, RecordPage } from "../connector/connector.ts";
import { AccordError } from "../connector/errors.ts";
import type { CallOptions } from "../host/host.ts";
import type { ListedMember, Mark } from "../store/store.ts";
import { contestants } from "./contested.ts";
import type { EngineContext, RunningSync } from "./context.ts";
import { touch } from "./due.ts";
import { guardCanaries, guardCount } from "./guard-sight.ts";
import { Whereabouts } from "./relink.ts";

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
 * A sweep: the listing of a side beside the stored members, both in the order of record ids. What differs, is new or is missing becomes a mark to read; what is equal
 * costs one comparison of two texts. A missing record counts only once the listing is complete. [S8, S11] Returns what was found.
 */
export async function sweep(context: EngineContext, sync: RunningSync, side: SideIndex, options: CallOptions): Promise<SweepResult> {
  const object = sync.objects[side];
  const result: SweepResult = { records: 0, marks: 0, isComplete: false };
  if (object === undefined) return result;
  const members = new MemberReader(context, sync, side, options);
  const whereabouts = new Whereabouts(sync, side);
  for await (const page of object.list(null, { ...options, pageSize: context.limits.listPage })) {
    const marks = await comparePage(context, sync, side, object, page, members, whereabouts);
    result.records += page.ids.length;
    result.marks += marks.length;
    result.isComplete = page.complete;
    await guardCanaries(context, marks, options);
    if (marks.length > 0) await context.store.commitPull({ marks, cursor: null, listing: null }, options);
  }
  if (result.isComplete) await missingAtEnd(members, whereabouts);
  // A list whose length cannot be right says nothing: not what is missing, and not what is new.
  if (result.isComplete && !(await guardCount(context, sync, side, { ...members.passed, strangers: strangersOf(members, result) }, options)))
    return { ...result, isComplete: false };
  const nowMs = context.clock.nowMs();
  const marks = whereabouts.marks(result.isComplete, nowMs);
  if (result.isComplete) marks.push(...(await setAside(context, sync, side, options)));
  else context.log.warn("sweep.incomplete", { sync: sync.model.name, side: sync.model.sides[side]?.name, records: result.records });
  result.marks += marks.length;
  await guardCanaries(context, marks, options);
  const row = { side, state: "done", after: null, completedAtMs: nowMs, strangers: strangersOf(members, result) } as const;
  await context.store.commitPull({ marks, cursor: null, listing: result.isComplete ? { sync: sync.id, row } : null }, options);
  return result;
}

/** Records that were listed and are no members. */
function strangersOf({ passed }: MemberReader, { records }: SweepResult): number {
  return records - passed.met;
}

export interface SweepResult {
  records: number;
  marks: number;
  /** False: the listing ended before its end; nothing was thought missing. [S11] */
  isComplete: boolean;
}

async function comparePage(
  context: EngineContext,
  sync: RunningSync,
  side: SideIndex,
  object: OpenObject,
  page: RecordPage,
  members: MemberReader,
  whereabouts: Whereabouts,
): Promise<Mark[]> {
  const marks: Mark[] = [];
  const nowMs = context.clock.nowMs();
  for (const [index, record] of page.ids.entries()) {
    let member = await members.peek();
    while (member !== null && compareRecordIds(object.schema.keyOrder, member.record, record) < 0) {
      if (isExpected(member)) whereabouts.missed(member);
      members.skip(false);
      member = await members.peek();
    }
    if (member !== null && member.record === record) {
      members.skip(true);
      if (isAsKnown(sync, side, member, page.images[index] ?? "")) continue;
      if (!member.hasIntent) marks.push(touch(sync, side, record, nowMs));
      continue;
    }
    const mark = whereabouts.found(record, page.images[index] ?? "", nowMs);
    if (mark !== null) marks.push(mark);
  }
  return marks;
}

/** Records that wait for a person are looked at as well: of one that is gone no listing tells, and it would stand in the way of others for ever. [S36] */
async function setAside(context: EngineContext, sync: RunningSync, side: SideIndex, options: CallOptions): Promise<Mark[]> {
  const records = new Set([...(await contestants(context, sync, side, options)).values()].flatMap((names) => [...names]));
  return [...records].map((record) => touch(sync, side, record, context.clock.nowMs()));
}

async function missingAtEnd(members: MemberReader, whereabouts: Whereabouts): Promise<void> {
  for (let member = await members.peek(); member !== null; member = await members.peek()) {
    if (isExpected(member)) whereabouts.missed(member);
    members.skip(false);
  }
}

/** Whether a listed image is no news of its member. Of a record out of scope the only news is that it is back: what changes in it meanwhile is not taken in. [S42] */
function isAsKnown(sync: RunningSync, side: SideIndex, member: ListedMember, image: NativeImage): boolean {
  if (member.state === "outOfScope") return sync.model.sides[side]?.filter?.(readImage(image)) === false;
  return member.image === image && isExpected(member);
}

/** Whether the side is thought to show this record now. */
function isExpected(member: ListedMember): boolean {
  return member.state === "live" || member.state === "archived" || member.state === "outOfScope";
}

/** Reads the stored members of a side page by page. */
class MemberReader {
  private readonly context: EngineContext;
  private readonly sync: RunningSync;
  private readonly side: SideIndex;
  private readonly options: CallOptions;
  private page: readonly ListedMember[] = [];
  private place = 0;
  private last: RecordId | null = null;
  private isDone = false;
  /** Members passed so far: those that the side was thought to show, those of them that the list lacks, and all that it has. */
  readonly passed = { expected: 0, missing: 0, met: 0 };

  constructor(context: EngineContext, sync: RunningSync, side: SideIndex, options: CallOptions) {
    this.context = context;
    this.sync = sync;
    this.side = side;
    this.options = options;
  }

  /** The next member, or null at the end. Waits only at the end of a page. */
  async peek(): Promise<ListedMember | null> {
    if (this.place >= this.page.length && !this.isDone) {
      this.page = await this.context.store.listMembers(this.sync.id, this.side, this.last, this.context.limits.listPage, this.options);
      this.place = 0;
      this.isDone = this.page.length < this.context.limits.listPage;
      this.last = this.page.at(-1)?.record ?? this.last;
    }
    return this.page[this.place] ?? null;
  }

  /** Goes on behind the member; `isListed` tells whether the list has it. */
  skip(isListed: boolean): void {
    const member = this.page[this.place];
    if (isListed) this.passed.met += 1;
    if (member !== undefined && isExpected(member)) {
      this.passed.expected += 1;
      if (!isListed) this.passed.missing += 1;
    }
    this.place += 1;
  }
}
