import type { EntityId, MaybeValue, MergeEvent, NativeCell, RecordId, SyncModel, Value } from "@accord/core";
import type { CellPatch } from "../connector/connector.ts";
import type { Intent, JournalEntry, NewRequest, RunId, SyncId } from "../store/rows.ts";

/**
 * What journal payloads hold, as JSON. Fields, sides and columns go by name: numbers would change their meaning with the configuration. [S51]
 * An unknown value is left out of its object.
 */
export type JournalPayload = MergePayload | ContactPayload | WritePayload | CreatePayload | RefusedPayload;

/** What merging did with one observation, or a person's decision. */
export interface MergePayload {
  readonly record: RecordId | null;
  /** The interval in which the user's write happened. Epoch milliseconds. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly version: number;
  readonly events: readonly MergePayloadEvent[];
}

/** A merge event with its field and sides by name. */
export interface MergePayloadEvent {
  readonly kind: MergeEvent["kind"];
  readonly field?: string;
  readonly side?: string | null;
  readonly from?: MaybeValue;
  readonly to?: MaybeValue;
  readonly lost?: MaybeValue;
  readonly value?: MaybeValue;
  readonly canonical?: MaybeValue;
  readonly candidate?: MaybeValue;
  readonly winner?: string;
  readonly policy?: string;
  readonly because?: string;
  readonly reason?: string;
  readonly by?: string;
  readonly kept?: string;
  readonly record?: RecordId | null;
  readonly into?: EntityId;
  readonly other?: EntityId;
}

/** First contact of entities that have nothing to tell but that their records met, or that one was alone. It names no value. [S36] */
export interface ContactPayload {
  /** Runs of entity ids, one after another, whose records came from the same sides. */
  readonly met: readonly { readonly from: EntityId; readonly to: EntityId; readonly sides: readonly string[] }[];
}

/** A record that was made. In short, since a first copy makes one per record: most fields show the cell of the column of their name. */
export interface CreatePayload {
  readonly intent: string;
  readonly kind: "create";
  readonly record: RecordId;
  /** By column name: the cells that were set. */
  readonly set: Readonly<Record<string, NativeCell>>;
  /** Columns of `set` that do not show, as they stand, the field of their name. */
  readonly unlike: readonly string[];
  /** By name: what the other fields show that were written. Null stands for unknown too. */
  readonly shows: Readonly<Record<string, Value>>;
  readonly altered: readonly string[];
}

/** Any other write that happened: native before-images included, so that it can be undone exactly. [S59] */
export interface WritePayload {
  readonly intent: string;
  readonly kind: Exclude<Intent["kind"], "create">;
  readonly record: RecordId;
  readonly fields: readonly WrittenField[];
  /** By column name: the cell before and after. */
  readonly cells: Readonly<Record<string, { readonly before?: NativeCell; readonly after?: NativeCell }>>;
  /** Fields that the side holds otherwise than it was told. [S29] */
  readonly altered: readonly string[];
}

export interface WrittenField {
  readonly field: string;
  readonly before?: MaybeValue;
  readonly after?: MaybeValue;
  /** Whether the value written came from first contact: undoing it restores the side alone. [S59] */
  readonly initial: boolean;
}

export interface RefusedPayload {
  /** A write, or a person's request, that was refused. */
  readonly kind: Intent["kind"] | NewRequest["kind"];
  /** Of a write that got no answer, and may have been made all the same. [S31, S35] */
  readonly intent?: string;
  readonly record: RecordId | null;
  readonly code: string;
  readonly reason: string;
}

/** A journal entry for merge events. */
export function mergeEntry(
  model: SyncModel,
  facts: { readonly run: RunId; readonly sync: SyncId; readonly entity: EntityId; readonly side: number | null; readonly atMs: number },
  payload: {
    readonly record: RecordId | null;
    readonly fromMs: number;
    readonly toMs: number;
    readonly version: number;
    readonly events: readonly MergeEvent[];
  },
  kind: "merge" | "decision" | "undo" | "recovery" = "merge",
): JournalEntry {
  const body: MergePayload = { ...payload, events: payload.events.map((event) => namedEvent(model, event)) };
  return { ...facts, kind, payload: JSON.stringify(body) };
}

/** A journal entry for runs of entities that met at first contact, in the order of their ids. */
export function contactEntry(
  facts: { readonly run: RunId; readonly sync: SyncId; readonly atMs: number },
  runs: ContactPayload["met"],
): JournalEntry {
  const met: { from: EntityId; to: EntityId; sides: readonly string[] }[] = [];
  for (const { from, to, sides } of runs) {
    const last = met.at(-1);
    const isNext = last !== undefined && last.to === from - 1 && (last.sides === sides || last.sides.join("\t") === sides.join("\t"));
    if (isNext) last.to = to;
    else met.push({ from, to, sides });
  }
  const payload: ContactPayload = { met };
  return { ...facts, entity: null, side: null, kind: "contact", payload: JSON.stringify(payload) };
}

function namedEvent(model: SyncModel, event: MergeEvent): MergePayloadEvent {
  const named: Record<string, unknown> = { ...event };
  if ("field" in event) named["field"] = model.fields[event.field]?.name ?? String(event.field);
  if ("side" in event) named["side"] = event.side === null ? null : (model.sides[event.side]?.name ?? String(event.side));
  return named as unknown as MergePayloadEvent; // Its kinds' fields are the payload event's, with names for numbers.
}

/** What of a create its payload tells; `shown` by place in `fields`. */
export interface MadeRecord {
  readonly intent: Pick<Intent, "id" | "set">;
  readonly record: RecordId;
  /** Of the fields that it carried. */
  readonly fields: readonly string[];
  readonly shown: readonly MaybeValue[];
  readonly altered: readonly string[];
}

/** Columns by their names. */
export function createPayload(columns: readonly string[], { intent, record, fields, shown, altered }: MadeRecord): CreatePayload {
  const set: Record<string, NativeCell> = {};
  const unlike: string[] = [];
  for (const { column, cell } of intent.set) {
    const name = columns[column] ?? String(column);
    set[name] = cell;
    const field = fields.indexOf(name);
    if (field === -1 || shown[field] !== cell) unlike.push(name);
  }
  const shows: Record<string, Value> = {};
  for (let place = 0; place < fields.length; place += 1) {
    const name = fields[place] ?? "";
    if (set[name] === undefined || set[name] !== shown[place]) shows[name] = shown[place] ?? null;
  }
  return { intent: intent.id, kind: "create", record, set, unlike, shows, altered };
}

/** The fields that a create wrote, with what they show. */
export function fieldsMade({ set, unlike, shows }: CreatePayload): readonly { readonly field: string; readonly after: Value }[] {
  const alike = Object.entries(set).flatMap(([field, cell]) => (unlike.includes(field) ? [] : [{ field, after: cell ?? null }]));
  return [...alike, ...Object.entries(shows).map(([field, after]) => ({ field, after }))];
}

/** The cells of a write by column name. */
export function namedCells(columns: readonly string[], set: readonly CellPatch[], expect: readonly CellPatch[]): WritePayload["cells"] {
  const cells: Record<string, { before?: NativeCell; after?: NativeCell }> = {};
  for (const { column, cell } of expect) cells[columns[column] ?? String(column)] = { before: cell };
  for (const { column, cell } of set) {
    const name = columns[column] ?? String(column);
    cells[name] = { ...cells[name], after: cell };
  }
  return cells;
}
