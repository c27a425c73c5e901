import { readImage } from "@accord/core";
import type {
  EntityId,
  FieldIndex,
  IntentId,
  MaybeValue,
  MergeEvent,
  NativeCell,
  NativeImage,
  RecordId,
  SideIndex,
  SyncModel,
  Value,
} from "@accord/core";
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

/** A record that was made. In short, since a first copy makes one per record: most fields show the cell of one column as it stands. */
export interface CreatePayload {
  readonly intent: string;
  readonly kind: "create";
  readonly record: RecordId;
  readonly columns: readonly string[];
  /** By column: the field that shows its cell, or null. Left out where those are the columns' names. */
  readonly fields?: readonly (string | null)[];
  /** The cells that were set, by column. Unknown ones were left to the system. */
  readonly image: NativeImage;
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

/** What of a create its payload tells. */
export interface MadeRecord {
  readonly intent: IntentId;
  readonly set: NativeImage;
  readonly record: RecordId;
  /** By name: what fields show that were written and are not shown by a cell as it stands. */
  readonly shows: readonly (readonly [string, MaybeValue])[];
  readonly altered: readonly string[];
}

/** Writes payloads of creates of one object that carry the same fields: each a {@link CreatePayload} as JSON. @param fields by column: the field that shows its cell, where one does */
export function createPayload(columns: readonly string[], fields: readonly (string | null)[]): (made: MadeRecord) => string {
  const isAlike = columns.every((name, column) => fields[column] === name);
  const common = `"columns":${JSON.stringify(columns)},${isAlike ? "" : `"fields":${JSON.stringify(fields)},`}`;
  return ({ intent, set, record, shows, altered }) => {
    let shown = "";
    for (const [name, value] of shows) shown += `${shown === "" ? "" : ","}${JSON.stringify(name)}:${JSON.stringify(value ?? null)}`;
    const own = `"intent":"${intent}","kind":"create","record":${JSON.stringify(record)},"image":${JSON.stringify(set)}`;
    return `{${common}${own},"shows":{${shown}},"altered":${altered.length === 0 ? "[]" : JSON.stringify(altered)}}`;
  };
}

/** By column of a side: the field whose only column it is, by name. */
export function fieldsByColumn({ fields, sides }: SyncModel, side: SideIndex): readonly (string | null)[] {
  const { columns = [], fields: mappings = [] } = sides[side]?.mapping ?? {};
  const byColumn = columns.map((): string | null => null);
  mappings.forEach((mapping, field) => {
    const [column, ...others] = mapping?.writes ?? [];
    if (column !== undefined && others.length === 0) byColumn[column] = fields[field]?.name ?? null;
  });
  return byColumn;
}

/** Fields by name. */
export function namedShows(
  { fields }: SyncModel,
  shows: readonly (readonly [FieldIndex, MaybeValue])[],
): readonly (readonly [string, MaybeValue])[] {
  return shows.map(([field, value]) => [fields[field]?.name ?? String(field), value]);
}

/** The cells that a create set, by column name. */
export function cellsMade({ columns, image }: CreatePayload): readonly (readonly [string, NativeCell])[] {
  return readImage(image).flatMap((cell, column) => (cell === undefined ? [] : [[columns[column] ?? String(column), cell] as const]));
}

/** The fields that a create wrote, with what they show. */
export function fieldsMade(payload: CreatePayload): readonly { readonly field: string; readonly after: Value }[] {
  const fields = payload.fields ?? payload.columns;
  const alike = readImage(payload.image).flatMap((cell, column) => {
    const field = fields[column] ?? null;
    return field === null || cell === undefined || Object.hasOwn(payload.shows, field) ? [] : [{ field, after: cell }];
  });
  return [...alike, ...Object.entries(payload.shows).map(([field, after]) => ({ field, after }))];
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
