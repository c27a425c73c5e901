import type { EntityId, MaybeValue, NativeCell } from "@accord/core";
import type { CallOptions } from "../host/host.ts";
import type { EngineContext, RunningSync } from "../run/context.ts";
import { syncById } from "../run/context.ts";
import type { JournalQuery, JournalRow, RunId } from "../store/rows.ts";
import { cellsMade } from "./payload.ts";
import type { CreatePayload, MergePayload, WritePayload } from "./payload.ts";

/** What undoing would do to one entity. [S59] */
export interface UndoItem {
  readonly sync: string;
  readonly entity: EntityId;
  /** Canonical fields to set back: what users changed in the run flows back everywhere. */
  readonly fields: readonly { readonly field: string; readonly before: MaybeValue; readonly after: MaybeValue }[];
  /** Cells to restore at one side: what first contact wrote there. */
  readonly restores: readonly UndoCells[];
  /** Records that the run created, to be deleted where nobody edited them since. */
  readonly creates: readonly UndoCells[];
  /** Whether the run deleted records that are to come back. */
  readonly revive: boolean;
  /** What the run did and no undo takes back. */
  readonly final: readonly FinalDeed[];
}

/** `link`: a person said that a record belongs to this entity. `restore`: an undo put one side back, and the next plan shows that write again. `revive`: an undo brought a record back to life. `merge`: a system made one of two. */
export type FinalDeed = "link" | "restore" | "revive" | "merge";

export interface UndoCells {
  readonly side: string;
  readonly cells: Readonly<Record<string, { readonly before?: NativeCell; readonly after?: NativeCell }>>;
}

/** Which part of the journal to undo. */
export interface UndoFilter {
  readonly run?: RunId;
  readonly entity?: EntityId;
  readonly field?: string;
  readonly fromMs?: number;
  readonly toMs?: number;
}

/** Journal rows read at once. */
const PAGE = 1_000;

/** Works out what undoing a run, an entity, a field or a time range means, entity by entity. Writes nothing. */
export async function planUndo(context: EngineContext, filter: UndoFilter, options: CallOptions): Promise<readonly UndoItem[]> {
  const drafts = new Map<string, Draft>();
  for await (const row of journalRows(context, filter, options)) {
    const sync = syncById(context, row.sync);
    if (sync === undefined || row.entity === null || row.payloadErased) continue;
    const key = `${row.sync}/${row.entity}`;
    const draft = drafts.get(key) ?? newDraft(sync, row.entity);
    drafts.set(key, draft);
    if (row.kind === "write") draftWrite(sync, draft, row, JSON.parse(row.payload) as WritePayload | CreatePayload, filter);
    if (row.kind === "merge" || row.kind === "decision" || row.kind === "undo")
      draftMerge(draft, row, JSON.parse(row.payload) as MergePayload);
  }
  return [...drafts.values()].map((draft) => itemOf(draft, filter)).filter(isSomething);
}

/** Newest first. */
async function* journalRows(context: EngineContext, filter: UndoFilter, options: CallOptions): AsyncGenerator<JournalRow> {
  let before: number | undefined;
  for (;;) {
    const query: JournalQuery = {
      ...(filter.run === undefined ? {} : { run: filter.run }),
      ...(filter.entity === undefined ? {} : { entity: filter.entity }),
      ...(filter.fromMs === undefined ? {} : { fromMs: filter.fromMs }),
      ...(filter.toMs === undefined ? {} : { toMs: filter.toMs }),
      ...(before === undefined ? {} : { before }),
      kinds: ["write", "merge", "decision", "undo"],
      limit: PAGE,
    };
    const rows = await context.store.readJournal(query, options);
    yield* rows;
    before = rows.at(-1)?.sequence;
    if (rows.length < PAGE || before === undefined) return;
  }
}

interface Draft {
  readonly sync: string;
  readonly entity: EntityId;
  readonly fields: Map<string, { before: MaybeValue; after: MaybeValue }>;
  readonly restores: Map<string, Record<string, { before?: NativeCell; after?: NativeCell }>>;
  readonly creates: Map<string, UndoCells["cells"]>;
  readonly final: Set<FinalDeed>;
  revive: boolean;
}

function newDraft(sync: RunningSync, entity: EntityId): Draft {
  return { sync: sync.model.name, entity, fields: new Map(), restores: new Map(), creates: new Map(), final: new Set(), revive: false };
}

/** Rows come newest first: the last `after` seen first stays, the earliest `before` wins. */
function draftWrite(sync: RunningSync, draft: Draft, row: JournalRow, payload: WritePayload | CreatePayload, filter: UndoFilter): void {
  const side = sync.model.sides[row.side ?? -1]?.name;
  if (side === undefined) return;
  switch (payload.kind) {
    case "create":
      draft.creates.set(side, Object.fromEntries(cellsMade(payload).map(([column, after]) => [column, { after }])));
      return;
    case "delete":
    case "archive":
      draft.revive = true;
      return;
    case "update":
    case "restore":
      restoreInitial(sync, draft, side, payload, filter);
      return;
    case "merge":
      draft.final.add("merge");
      return;
    case "undo-update":
    case "undo-delete":
      draft.final.add("restore");
      return;
  }
}

function restoreInitial(sync: RunningSync, draft: Draft, side: string, payload: WritePayload, filter: UndoFilter): void {
  const mapping = sync.model.sides.find(({ name }) => name === side)?.mapping;
  const cells = draft.restores.get(side) ?? {};
  for (const { field: name, initial } of payload.fields) {
    const field = sync.model.fields.findIndex((model) => model.name === name);
    if (!initial || mapping === undefined || (filter.field !== undefined && filter.field !== name)) continue;
    for (const place of mapping.fields[field]?.writes ?? []) {
      const column = mapping.columns[place] ?? "";
      const written = payload.cells[column];
      if (written !== undefined)
        cells[column] = { ...written, ...(cells[column]?.after === undefined ? {} : { after: cells[column].after }) };
    }
  }
  if (Object.keys(cells).length > 0) draft.restores.set(side, cells);
}

function draftMerge(draft: Draft, row: JournalRow, payload: MergePayload): void {
  for (const event of payload.events.toReversed()) {
    if (event.kind === "joined" && event.by === "person") draft.final.add("link");
    if (event.kind === "merged") draft.final.add("merge");
    if (event.kind === "revived" && row.kind === "undo") draft.final.add("revive");
    const isChange =
      event.kind === "taken" ||
      event.kind === "undone" ||
      event.kind === "detached" ||
      event.kind === "reviewClosed" ||
      (event.kind === "conflict" && event.winner !== "canonical");
    if (!isChange || event.field === undefined || event.from === undefined) continue;
    const known = draft.fields.get(event.field);
    draft.fields.set(event.field, { before: event.from, after: known === undefined ? event.to : known.after });
  }
}

function itemOf(draft: Draft, filter: UndoFilter): UndoItem {
  const wanted = (field: string): boolean => filter.field === undefined || filter.field === field;
  return {
    sync: draft.sync,
    entity: draft.entity,
    fields: [...draft.fields].filter(([field]) => wanted(field)).map(([field, values]) => ({ field, ...values })),
    restores: [...draft.restores].filter(([side]) => !draft.creates.has(side)).map(([side, cells]) => ({ side, cells })),
    creates: filter.field === undefined ? [...draft.creates].map(([side, cells]) => ({ side, cells })) : [],
    revive: filter.field === undefined && draft.revive,
    final: filter.field === undefined ? [...draft.final] : [],
  };
}

function isSomething(item: UndoItem): boolean {
  return item.fields.length + item.restores.length + item.creates.length + item.final.length > 0 || item.revive;
}
