import type { EntityId, RecordId } from "@accord/core";
import type { CallOptions } from "@accord/engine/connector";
import type { StoredEntity, SyncRow } from "@accord/engine/store";
import type { ProjectSync } from "../config/project.ts";
import { MASK, showValue } from "./output.ts";
import { usageError } from "./problems.ts";
import type { StoreSession } from "./session.ts";

/** A sync by the names of the project file and the numbers of the store: enough to read the store while the systems are away. */
export interface NamedSync {
  readonly row: SyncRow;
  readonly name: string;
  /** In the order of the store's sides. */
  readonly sides: readonly string[];
  /** In the order of the canonical record. */
  readonly fields: readonly string[];
  isSensitive(field: string): boolean;
  /** The sync whose entities the field's values name, or null. [S44] */
  referenceOf(field: string): string | null;
}

/** The syncs that the store knows, parents first. */
export async function namedSyncs({ project, store }: StoreSession, options: CallOptions): Promise<readonly NamedSync[]> {
  const rows = await store.listSyncs(options);
  return project.syncs.flatMap((sync) => {
    const row = rows.find(({ name }) => name === sync.name);
    return row === undefined ? [] : [namedSync(sync, row)];
  });
}

function namedSync({ name, sides, entry }: ProjectSync, row: SyncRow): NamedSync {
  return {
    row,
    name,
    sides: sides.map((side) => side.name),
    fields: Object.keys(entry.fields),
    isSensitive: (field) => entry.fields[field]?.sensitive === true,
    referenceOf: (field) => {
      const type = entry.fields[field]?.type;
      return typeof type === "object" && "ref" in type ? type.ref : null;
    },
  };
}

/** The sync of this name. @throws ACCORD_USAGE naming those there are */
export function syncNamed(syncs: readonly NamedSync[], name: string): NamedSync {
  const sync = syncs.find((candidate) => candidate.name === name);
  if (sync !== undefined) return sync;
  throw usageError(
    syncs.length === 0
      ? "Nothing was planned yet; begin with accord plan."
      : `There is no sync ${name}; it is one of ${syncs.map((known) => known.name).join(", ")}.`,
  );
}

/**
 * The entity that a person means: `crm:17` is a record at a side, `17` or `#17` an entity, and a word that is no number a record of any side.
 *
 * @throws ACCORD_USAGE where there is none, or more than one
 */
export async function findEntity({ store }: StoreSession, sync: NamedSync, word: string, options: CallOptions): Promise<StoredEntity> {
  const [, side, record] = /^([^:]+):(.+)$/.exec(word) ?? [];
  const place = side === undefined ? -1 : sync.sides.indexOf(side);
  if (record !== undefined && place !== -1)
    return entityAt(await linksOf(store, sync, [place], record, options), sync, word, store, options);
  const id = Number(word.replace(/^#/, ""));
  if (Number.isSafeInteger(id) && id > 0) {
    const [entity] = await store.loadEntities([id], options);
    if (entity !== undefined && entity.sync === sync.row.id) return entity;
    if (word.startsWith("#")) throw usageError(`There is no entity ${id} in ${sync.name}.`);
  }
  const links = await linksOf(
    store,
    sync,
    sync.sides.map((_, index) => index),
    word,
    options,
  );
  return entityAt(links, sync, word, store, options);
}

type Links = readonly { readonly side: number; readonly entity: EntityId }[];

async function linksOf(
  store: StoreSession["store"],
  sync: NamedSync,
  sides: readonly number[],
  record: RecordId,
  options: CallOptions,
): Promise<Links> {
  const found: { side: number; entity: EntityId }[] = [];
  for (const side of sides) {
    const [entity] = await store.findLinks(sync.row.id, side, [record], options);
    if (entity !== undefined && entity !== null) found.push({ side, entity });
  }
  return found;
}

async function entityAt(
  links: Links,
  sync: NamedSync,
  word: string,
  store: StoreSession["store"],
  options: CallOptions,
): Promise<StoredEntity> {
  const ids = [...new Set(links.map(({ entity }) => entity))];
  if (ids.length > 1) {
    throw usageError(
      `${word} is a record at several sides; say which: ${links.map(({ side }) => `${sync.sides[side] ?? side}:${word}`).join(" or ")}.`,
    );
  }
  const [entity] = await store.loadEntities(ids, options);
  if (entity !== undefined) return entity;
  throw usageError(
    `${sync.name} knows no record or entity ${word}; name a record as ${sync.sides[0] ?? "crm"}:17, or an entity by its number.`,
  );
}

/** A canonical value for people: masked where the field is sensitive and nobody asked for values; a reference as the entity that it names. */
export function showFieldValue(sync: NamedSync, field: string, value: string | null | undefined, showsValues: boolean): string {
  if (value === MASK || (typeof value === "string" && !showsValues && sync.isSensitive(field))) return MASK;
  const reference = sync.referenceOf(field);
  return typeof value === "string" && reference !== null ? `${reference} entity ${value}` : showValue(value, false);
}

/** An instant for people, in the machine's time zone: `2026-03-02 14:05:09`. */
export function showInstant(atMs: number): string {
  const at = new Date(atMs);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

function two(figure: number): string {
  return String(figure).padStart(2, "0");
}
