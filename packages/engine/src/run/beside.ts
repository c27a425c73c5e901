import { compareRecordIds, readImage } from "@accord/core";
import type { MemberState, NativeImage, RecordId, SideIndex } from "@accord/core";
import type { OpenObject } from "../connector/connector.ts";
import type { CallOptions } from "../host/host.ts";
import type { EntityPage, ListedMember } from "../store/rows.ts";
import type { EngineContext, RunningSync } from "./context.ts";
import { MemberReader } from "./member-reader.ts";
import { PagesAhead } from "./pages-ahead.ts";
import { RecordRanges } from "./record-ranges.ts";
import { RecordSums } from "./record-sums.ts";

/** Hears of records and members that are not known to be as they should. Where all of a range of records is level, nothing of it is told. */
export interface BesideVisitor {
  /** A record with its member: equal ones are told too, where others near them differ. */
  met(member: ListedMember, image: NativeImage): void;
  /** A member whose record was not in the listing. */
  missed(member: ListedMember): void;
  /** A record that belongs to no member. */
  found(record: RecordId, image: NativeImage): void;
  /** After each stretch that was told. */
  settle(): Promise<void>;
  /** The listing has ended. */
  end(result: BesideResult): Promise<void>;
}

export interface BesideResult {
  readonly records: number;
  /** False: the listing ended before its end, and nothing may be concluded from what it lacks. [S11] */
  readonly isComplete: boolean;
  /** Members that the side was thought to show, as far as the listing went, and those of them that it lacks. */
  readonly expected: number;
  readonly missing: number;
  /** Listed records that are no members. */
  readonly strangers: number;
}

/** Entities per page of a scan, and records per page of a listing, at most: few enough that what a page holds dies young. */
const PAGE_MAX = 500;

/** Records per range, at most: one that differs makes a look at so many members needful. */
const RANGE_MAX = 250;

/** Pages of `limits.listPage` that are listed before the store was read, at most: so long a system may work meanwhile. */
const AHEAD_MAX = 10;

/** Records gathered of one range, in pages of `limits.listPage`: a side that has grown by more than it had ends in a range without bound. */
const GATHERED_MAX = 4;

/** Stands for the image of a record that is out of scope: what changes in it is no news. [S42] No image is written so. */
const OUT_OF_SCOPE: NativeImage = "\\O";

/**
 * Lists sides of a sync beside what is stored of them. The store is read once, in its own order, and each member put into the sum of its range of record ids; the listing of each
 * side is taken away from these sums as it comes. Where a range comes to nothing all of it is as stored; elsewhere its records are looked at one by one, beside members read
 * anew. So nothing is read in an order other than the one in which it lies, and what nobody changed costs two short hashes. Memory: two integers a range, and the records of one range.
 *
 * Sides at different connections are listed at once. `visit` is given the pages of the scan.
 */
export async function compareBeside(
  context: EngineContext,
  sync: RunningSync,
  visitors: ReadonlyMap<SideIndex, BesideVisitor>,
  visit: ((page: EntityPage) => Promise<void>) | null,
  options: CallOptions,
): Promise<void> {
  const sides: SideBeside[] = [];
  for (const [side, visitor] of visitors) {
    const object = sync.objects[side];
    if (object === undefined) continue;
    const bounds = await context.store.listBounds(sync.id, side, Math.min(context.limits.listPage, RANGE_MAX), options);
    sides.push(new SideBeside(context, sync, side, object, new RecordRanges(object.schema.keyOrder, bounds), visitor, options));
  }
  const byConnection = new Map<string, SideBeside[]>();
  for (const side of sides) {
    const connection = sync.model.sides[side.side]?.connection ?? "";
    byConnection.set(connection, [...(byConnection.get(connection) ?? []), side]);
  }
  try {
    // The systems work while the store is read.
    for (const [first] of byConnection.values()) first?.start();
    await scan(context, sync, sides, visit, options);
    const chains = [...byConnection.values()].map(async (chain) => {
      for (const side of chain) await side.compare();
    });
    const failed = (await Promise.allSettled(chains)).find((outcome) => outcome.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  } finally {
    for (const side of sides) await side.close();
  }
}

/** Whether a side is thought to show this member's record now. */
export function isExpected(state: MemberState | undefined): boolean {
  return state === "live" || state === "archived" || state === "outOfScope";
}

async function scan(
  context: EngineContext,
  sync: RunningSync,
  sides: readonly SideBeside[],
  visit: ((page: EntityPage) => Promise<void>) | null,
  options: CallOptions,
): Promise<void> {
  const limit = Math.min(context.limits.listPage, PAGE_MAX);
  let after: number | null = null;
  for (;;) {
    const page: EntityPage = await context.store.scanEntities(sync.id, after, limit, options);
    for (const side of sides) side.store(page);
    if (visit !== null) await visit(page);
    if (page.ids.length < limit) return;
    after = page.ids.at(-1) ?? after;
  }
}

/** One side on its way: the sums of its ranges, and the records of the range that the listing is in. */
class SideBeside {
  readonly side: SideIndex;
  private readonly context: EngineContext;
  private readonly sync: RunningSync;
  private readonly object: OpenObject;
  private readonly ranges: RecordRanges;
  private readonly sums: RecordSums;
  private readonly visitor: BesideVisitor;
  private readonly options: CallOptions;
  private readonly isOutOfScope: (image: NativeImage) => boolean;
  private pages: PagesAhead | null = null;
  private ids: RecordId[] = [];
  private images: NativeImage[] = [];
  /** Set where the range is looked at one by one: the members from its begin on. */
  private members: MemberReader | null = null;
  private readonly counts = { records: 0, expected: 0, missing: 0, strangers: 0 };

  constructor(
    context: EngineContext,
    sync: RunningSync,
    side: SideIndex,
    object: OpenObject,
    ranges: RecordRanges,
    visitor: BesideVisitor,
    options: CallOptions,
  ) {
    this.context = context;
    this.sync = sync;
    this.side = side;
    this.object = object;
    this.ranges = ranges;
    this.sums = new RecordSums(ranges.count);
    this.visitor = visitor;
    this.options = options;
    const filter = sync.model.sides[side]?.filter ?? null;
    this.isOutOfScope = filter === null ? () => false : (image) => filter(readImage(image)) === false;
  }

  /** Begins to list. */
  start(): PagesAhead {
    const { listPage } = this.context.limits;
    const pageSize = Math.min(listPage, PAGE_MAX);
    return (this.pages ??= new PagesAhead(this.object.list(null, { ...this.options, pageSize }), listPage * AHEAD_MAX));
  }

  async close(): Promise<void> {
    await this.pages?.close();
  }

  /** Puts the members of a page of entities into the sums. */
  store({ ids, members }: EntityPage): void {
    const columns = members[this.side];
    if (columns === undefined) return;
    const { records, states, images } = columns;
    let range = 0;
    for (let at = 0; at < ids.length; at += 1) {
      const record = records[at] ?? null;
      const state = states[at];
      const image = state === "outOfScope" ? OUT_OF_SCOPE : (images[at] ?? null);
      if (record === null || image === null || !isExpected(state)) continue;
      range = this.ranges.find(record, range);
      this.sums.add(range, record, image);
    }
  }

  /** Takes the listing to its end. */
  async compare(): Promise<void> {
    const pages = this.start();
    let range = 0;
    let isComplete = false;
    for (let page = await pages.next(); page !== null; page = await pages.next()) {
      const { ids, images } = page;
      const isAllWithin = !this.ranges.isBeyond(range, ids.at(-1) ?? "");
      for (let at = 0; at < ids.length; at += 1) {
        const record = ids[at] ?? "";
        if (!isAllWithin) while (this.ranges.isBeyond(range, record)) await this.endRange(range++);
        this.take(range, record, images[at] ?? "");
      }
      this.counts.records += ids.length;
      isComplete = page.complete;
      if (this.ids.length >= this.context.limits.listPage * GATHERED_MAX) await this.tell(range);
    }
    if (!isComplete) await this.tell(range);
    else for (; range < this.ranges.count; range += 1) await this.endRange(range);
    await this.visitor.end({ ...this.counts, isComplete });
  }

  private take(range: number, record: RecordId, image: NativeImage): void {
    this.ids.push(record);
    this.images.push(image);
    this.sums.remove(range, record, this.isOutOfScope(image) ? OUT_OF_SCOPE : image);
  }

  private async endRange(range: number): Promise<void> {
    if (this.members === null && this.sums.isLevel(range)) {
      this.counts.expected += this.ids.length;
      this.ids = [];
      this.images = [];
      return;
    }
    await this.tell(range);
    const members = this.members;
    if (members === null) return;
    for (let member = await members.peek(); member !== null && !this.ranges.isBeyond(range, member.record); member = await members.peek()) {
      this.miss(member);
      members.skip();
    }
    this.members = null;
    await this.visitor.settle();
  }

  /** Looks at the records gathered so far one by one, beside the members of their range. */
  private async tell(range: number): Promise<void> {
    const { ids, images, visitor } = this;
    this.ids = [];
    this.images = [];
    this.members ??= new MemberReader(this.context, this.sync, this.side, this.ranges.bounds[range - 1] ?? null, RANGE_MAX, this.options);
    const { members } = this;
    for (let at = 0; at < ids.length; at += 1) {
      const record = ids[at] ?? "";
      let member = await members.peek();
      while (member !== null && compareRecordIds(this.ranges.order, member.record, record) < 0) {
        this.miss(member);
        members.skip();
        member = await members.peek();
      }
      if (member === null || member.record !== record) {
        this.counts.strangers += 1;
        visitor.found(record, images[at] ?? "");
      } else {
        if (isExpected(member.state)) this.counts.expected += 1;
        members.skip();
        visitor.met(member, images[at] ?? "");
      }
    }
    await visitor.settle();
  }

  private miss(member: ListedMember): void {
    if (isExpected(member.state)) {
      this.counts.expected += 1;
      this.counts.missing += 1;
    }
    this.visitor.missed(member);
  }
}
