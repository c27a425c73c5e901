import { compareRecordIds, getRecord, matchKeysOf, NO_REFERENCES, readImage } from "@accord/core";
import type { NativeImage, RecordId, SideIndex } from "@accord/core";
import type { OpenObject, RecordPage } from "../connector/connector.ts";
import type { CallOptions } from "../host/host.ts";
import type { ListedMember, Mark } from "../store/store.ts";
import type { EngineContext, RunningSync } from "./context.ts";
import { touch } from "./due.ts";

/**
 * The first listing of a side: every record becomes a mark with its image and match keys, in resumable pages. [S52] All sides are listed before any is joined, so that
 * keys that are not unique are known. [S36]
 */
export async function listFirst(context: EngineContext, sync: RunningSync, side: SideIndex, after: RecordId | null, options: CallOptions): Promise<number> {
  const object = sync.objects[side];
  if (object === undefined) return 0;
  const startedAtMs = context.clock.nowMs();
  let count = 0;
  for await (const page of object.list(after, { ...options, pageSize: context.limits.listPage })) {
    const marks = page.ids.map((record, index) => firstMark(sync, side, record, page.images[index] ?? "", page, startedAtMs));
    await context.store.commitPull(
      {
        marks,
        cursor: null,
        listing: {
          sync: sync.id,
          row: {
            side,
            state: page.complete ? "done" : "running",
            after: page.ids.at(-1) ?? after,
            completedAtMs: page.complete ? context.clock.nowMs() : null,
          },
        },
      },
      options,
    );
    count += marks.length;
    context.watch.listed(sync.model.name, sync.model.sides[side]?.name ?? "", count);
  }
  return count;
}

function firstMark(sync: RunningSync, side: SideIndex, record: RecordId, image: NativeImage, page: RecordPage, atMs: number): Mark {
  const mapping = sync.model.sides[side]?.mapping;
  const values = mapping === undefined ? [] : getRecord(mapping, readImage(image), NO_REFERENCES).values;
  return {
    sync: sync.id,
    side,
    record,
    kind: "image",
    image,
    position: page.position,
    renamedFrom: null,
    fromMs: 0,
    toMs: atMs,
    keys: matchKeysOf(sync.model, values),
    notBeforeMs: atMs,
  };
}

/**
 * A sweep: the listing of a side beside the stored members, both in the order of record ids. What differs, is new or is missing becomes a mark to read; what is equal
 * costs one comparison of two texts. A missing record counts only once the listing is complete. [S8, S11] Returns what was found.
 */
export async function sweep(context: EngineContext, sync: RunningSync, side: SideIndex, options: CallOptions): Promise<SweepResult> {
  const object = sync.objects[side];
  const result: SweepResult = { records: 0, marks: 0 };
  if (object === undefined) return result;
  const members = new MemberReader(context, sync, side, options);
  let marks: Mark[] = [];
  for await (const page of object.list(null, { ...options, pageSize: context.limits.listPage })) {
    marks = await comparePage(context, sync, side, object, page, members);
    if (page.complete) marks.push(...(await missingAtEnd(context, sync, side, members)));
    result.records += page.ids.length;
    result.marks += marks.length;
    if (marks.length > 0 || page.complete) {
      const row = { side, state: "done", after: null, completedAtMs: context.clock.nowMs() } as const;
      await context.store.commitPull({ marks, cursor: null, listing: page.complete ? { sync: sync.id, row } : null }, options);
    }
  }
  return result;
}

export interface SweepResult {
  records: number;
  marks: number;
}

async function comparePage(
  context: EngineContext,
  sync: RunningSync,
  side: SideIndex,
  object: OpenObject,
  page: RecordPage,
  members: MemberReader,
): Promise<Mark[]> {
  const marks: Mark[] = [];
  const nowMs = context.clock.nowMs();
  for (const [index, record] of page.ids.entries()) {
    let member = await members.peek();
    while (member !== null && compareRecordIds(object.schema.keyOrder, member.record, record) < 0) {
      if (isExpected(member)) marks.push(touch(sync, side, member.record, nowMs));
      members.skip();
      member = await members.peek();
    }
    if (member !== null && member.record === record) {
      members.skip();
      if (member.image === page.images[index] && isExpected(member)) continue;
      if (member.hasIntent) continue;
    }
    marks.push(touch(sync, side, record, nowMs));
  }
  return marks;
}

async function missingAtEnd(context: EngineContext, sync: RunningSync, side: SideIndex, members: MemberReader): Promise<Mark[]> {
  const marks: Mark[] = [];
  for (let member = await members.peek(); member !== null; member = await members.peek()) {
    if (isExpected(member)) marks.push(touch(sync, side, member.record, context.clock.nowMs()));
    members.skip();
  }
  return marks;
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

  skip(): void {
    this.place += 1;
  }
}
