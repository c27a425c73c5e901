import type { RecordId, SideIndex } from "@accord/core";
import type { CallOptions } from "../host/host.ts";
import type { ListedMember } from "../store/rows.ts";
import type { EngineContext, RunningSync } from "./context.ts";

/** Reads the stored members of a side page by page, in the order of record ids. */
export class MemberReader {
  private readonly context: EngineContext;
  private readonly sync: RunningSync;
  private readonly side: SideIndex;
  private readonly pageSize: number;
  private readonly options: CallOptions;
  private page: readonly ListedMember[] = [];
  private place = 0;
  private last: RecordId | null;
  private isDone = false;

  /** `after` is excluded. */
  constructor(context: EngineContext, sync: RunningSync, side: SideIndex, after: RecordId | null, pageMax: number, options: CallOptions) {
    this.context = context;
    this.sync = sync;
    this.side = side;
    this.last = after;
    this.pageSize = Math.min(context.limits.listPage, pageMax);
    this.options = options;
  }

  /** The next member, or null at the end. Waits only at the end of a page. */
  peek(): ListedMember | null | Promise<ListedMember | null> {
    return this.place < this.page.length || this.isDone ? (this.page[this.place] ?? null) : this.readOn();
  }

  skip(): void {
    this.place += 1;
  }

  private async readOn(): Promise<ListedMember | null> {
    this.page = await this.context.store.listMembers(this.sync.id, this.side, this.last, this.pageSize, this.options);
    this.place = 0;
    this.isDone = this.page.length < this.pageSize;
    this.last = this.page.at(-1)?.record ?? this.last;
    return this.page[0] ?? null;
  }
}
