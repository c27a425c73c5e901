import { readImage, writeImage, type NativeImage, type RecordId, type SideIndex } from "@accord/core";
import { assert, type Clock } from "@accord/engine/connector";
import { sidesChanged } from "@accord/engine/store";
import type { ColumnTypes, ListingRow, SyncConfiguration, SyncId, SyncRow, SyncState, SyncVersionRow } from "@accord/engine/store";
import type { Session } from "./session.ts";
import { clearTally } from "./tally.ts";

/** The store's own number of a (sync, place). */
export type SideNumber = number;

/** One side as the tables below know it. */
export interface Side {
  readonly number: SideNumber;
  readonly sync: SyncId;
  readonly place: SideIndex;
  /** Record ids as the tables hold them: integers where the object's keys sort as integers, so that their order is the listing order. */
  toCell(record: RecordId): bigint | string;
}

/** One sync as entity rows need it. */
export interface SyncShape {
  readonly id: SyncId;
  readonly version: number;
  readonly sides: readonly Side[];
  readonly fields: number;
  /** By version of the configuration: where each of today's fields stood then, −1 for a field that is new. [S51] */
  placesAt(version: number): readonly number[] | null;
  /** An image of a side as kept under a version, with its cells where today's columns stand; cells of new columns are unknown. [S51] */
  imageAt(version: number, place: SideIndex, image: NativeImage): NativeImage;
}

/** Syncs and their sides, kept in memory; read again when another process may have changed them. */
export interface Catalogue {
  side(sync: SyncId, place: SideIndex): Side;
  sideByNumber(number: SideNumber): Side;
  sync(id: SyncId): SyncShape;
  forget(): void;
}

export function createCatalogue(session: Session): Catalogue {
  let syncs = new Map<SyncId, SyncShape>();
  let sides = new Map<SideNumber, Side>();
  const load = (): void => {
    ({ syncs, sides } = readCatalogue(session));
  };
  const sync = (id: SyncId): SyncShape => {
    if (!syncs.has(id)) load();
    const shape = syncs.get(id);
    assert(shape !== undefined, `sync ${id} was never opened in this store`);
    return shape;
  };
  return {
    sync,
    side: (id, place) => {
      const known = sync(id).sides[place];
      if (known !== undefined) return known;
      load();
      const side = sync(id).sides[place];
      assert(side !== undefined, `sync ${id} has no side ${place}`);
      return side;
    },
    sideByNumber: (number) => {
      if (!sides.has(number)) load();
      const side = sides.get(number);
      assert(side !== undefined, `there is no side ${number}`);
      return side;
    },
    forget: () => {
      syncs = new Map();
    },
  };
}

/** Registers a sync, or finds it; a changed configuration, or another type of a column, becomes its next version, and `beginAnew` lists one that is still new once more. [S51] */
export function openSync(
  session: Session,
  clock: Clock,
  name: string,
  configuration: SyncConfiguration,
  beginAnew: (sync: SyncId) => void,
): SyncRow {
  const known = session.first<[number, number, string]>("SELECT id, version, digest FROM sync WHERE name = ?", name);
  const types = typesText(configuration);
  const isChanged = known !== undefined && (known[2] !== configuration.digest || types !== typesAt(session, known[0], known[1]));
  if (known === undefined) {
    session.run("INSERT INTO sync (name, version, digest, state) VALUES (?, 1, ?, 'new')", name, configuration.digest);
  } else if (isChanged) {
    keepSides(session, known[0], name, configuration);
    session.run("UPDATE sync SET version = version + 1, digest = ? WHERE id = ?", configuration.digest, known[0]);
  }
  const row = findSync(session, name);
  assert(row !== null, "a sync just written is there");
  if (known === undefined || isChanged) {
    session.run(
      "INSERT INTO sync_version (sync, version, digest, body, fields, columns, match_rules, at_ms, types, mappings, source) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      row.id,
      row.version,
      configuration.digest,
      configuration.body,
      JSON.stringify(configuration.fields),
      JSON.stringify(configuration.sides.map(({ columns }) => columns)),
      configuration.matchRules,
      clock.nowMs(),
      types,
      JSON.stringify(configuration.sides.map(({ mappings }) => mappings ?? {})),
      configuration.source ?? null,
    );
  }
  // Images in the inbox carry the columns of before: their records are read anew. [S51]
  if (known !== undefined && isChanged) {
    beginAnew(row.id);
    session.run(
      "UPDATE mark SET kind = 0, image = NULL, position = NULL WHERE image IS NOT NULL AND side IN (SELECT id FROM side WHERE sync = ?)",
      row.id,
    );
  }
  configuration.sides.forEach((side, place) => {
    writeSide(session, row.id, place, side, beginAnew);
  });
  return findSync(session, name) ?? row;
}

/** The versions of a sync, newest first. [S51] */
export function syncVersions(session: Session, sync: SyncId): SyncVersionRow[] {
  return session
    .all<[number, string, string, string, string, string | null, number]>(
      "SELECT version, digest, body, types, mappings, source, at_ms FROM sync_version WHERE sync = ? ORDER BY version DESC",
      sync,
    )
    .map(([version, digest, body, types, mappings, source, atMs]) => ({
      version,
      digest,
      body,
      source,
      // We wrote these texts ourselves.
      types: JSON.parse(types) as readonly ColumnTypes[],
      mappings: JSON.parse(mappings) as SyncVersionRow["mappings"],
      atMs,
    }));
}

/** By side, in the order of names: equal types are equal texts. */
function typesText({ sides }: SyncConfiguration): string {
  return JSON.stringify(
    sides.map(({ types }) =>
      Object.fromEntries(
        Object.entries(types ?? {})
          .toSorted(([a], [b]) => (a < b ? -1 : 1))
          .map(([column, { native, natural }]) => [column, { native, natural }]),
      ),
    ),
  );
}

function typesAt(session: Session, sync: SyncId, version: number): string | null {
  return session.first<[string]>("SELECT types FROM sync_version WHERE sync = ? AND version = ?", sync, version)?.[0] ?? null;
}

/** Where records are linked, sides keep their places; else others may take them, and nothing that was told of the first ones is left. @throws ACCORD_SIDES_CHANGED */
function keepSides(session: Session, sync: SyncId, name: string, { sides }: SyncConfiguration): void {
  const known = session.all<[string, string]>("SELECT connection, object FROM side WHERE sync = ? ORDER BY place", sync);
  const changed = sidesChanged(
    name,
    known.map(([connection, object]) => ({ connection, object })),
    sides,
  );
  if (changed === null) return;
  if (session.first("SELECT 1 FROM entity WHERE sync = ? LIMIT 1", sync) !== undefined) throw changed;
  for (const table of ["mark", "problem"]) session.run(`DELETE FROM ${table} WHERE side IN (SELECT id FROM side WHERE sync = ?)`, sync);
  clearTally(session, "mark", sync);
  session.run("DELETE FROM side WHERE sync = ? AND place >= ?", sync, sides.length);
  session.run("UPDATE side SET listing = 'none', listing_after = NULL, listed_at_ms = NULL, listed_strangers = NULL WHERE sync = ?", sync);
}

export function listSyncs(session: Session): SyncRow[] {
  const listings = new Map<SyncId, ListingRow[]>();
  for (const [sync, place, state, after, at, strangers] of session.all<
    [number, number, ListingRow["state"], string | null, number | null, number | null]
  >("SELECT sync, place, listing, listing_after, listed_at_ms, listed_strangers FROM side ORDER BY sync, place")) {
    const rows = listings.get(sync) ?? [];
    rows.push({ side: place, state, after, completedAtMs: at, ...(strangers === null ? {} : { strangers }) });
    listings.set(sync, rows);
  }
  return session
    .all<[number, string, number, string, SyncState, string | null]>(
      "SELECT id, name, version, digest, state, reason FROM sync ORDER BY id",
    )
    .map(([id, name, version, digest, state, stateReason]) => ({
      id,
      name,
      version,
      digest,
      state,
      stateReason,
      listings: listings.get(id) ?? [],
    }));
}

export function setSyncState(session: Session, sync: SyncId, state: SyncState, reason: string | null): void {
  session.run("UPDATE sync SET state = ?, reason = ? WHERE id = ?", state, reason, sync);
}

export function writeListing(session: Session, side: Side, row: ListingRow): void {
  session.run(...listingStatement(side, row));
}

/** What writes how far a listing has come. */
export function listingStatement(side: Side, row: ListingRow) {
  const sql = "UPDATE side SET listing = ?, listing_after = ?, listed_at_ms = ?, listed_strangers = ? WHERE id = ?";
  return [sql, row.state, row.after, row.completedAtMs, row.strangers ?? null, side.number] as const;
}

function findSync(session: Session, name: string): SyncRow | null {
  return listSyncs(session).find((row) => row.name === name) ?? null;
}

function writeSide(
  session: Session,
  sync: SyncId,
  place: SideIndex,
  side: SyncConfiguration["sides"][number],
  beginAnew: (sync: SyncId) => void,
): void {
  const known = session.first<[number, string]>("SELECT id, key_order FROM side WHERE sync = ? AND place = ?", sync, place);
  if (known === undefined) {
    session.run(
      "INSERT INTO side (sync, place, connection, object, key_order) VALUES (?, ?, ?, ?, ?)",
      sync,
      place,
      side.connection,
      side.object,
      side.keyOrder,
    );
    return;
  }
  session.run(
    "UPDATE side SET connection = ?, object = ?, key_order = ? WHERE id = ?",
    side.connection,
    side.object,
    side.keyOrder,
    known[0],
  );
  if (known[1] === side.keyOrder) return;
  beginAnew(sync);
  // The object's key changed its type: the same record ids, held in the other form, so that they sort as its listing does.
  const type = side.keyOrder === "integer" ? "INTEGER" : "TEXT";
  for (const table of ["member", "mark", "staged_key", "problem"])
    session.run(`UPDATE ${table} SET record = CAST(record AS ${type}) WHERE side = ?`, known[0]);
  session.run(`UPDATE mark SET renamed_from = CAST(renamed_from AS ${type}) WHERE side = ? AND renamed_from IS NOT NULL`, known[0]);
}

function readCatalogue(session: Session): { syncs: Map<SyncId, SyncShape>; sides: Map<SideNumber, Side> } {
  const sides = new Map<SideNumber, Side>();
  const bySync = new Map<SyncId, Side[]>();
  for (const [number, sync, place, order] of session.all<[number, number, number, string]>(
    "SELECT id, sync, place, key_order FROM side ORDER BY sync, place",
  )) {
    const side: Side = { number, sync, place, toCell: order === "integer" ? integerCell : (record) => record };
    sides.set(number, side);
    bySync.set(sync, [...(bySync.get(sync) ?? []), side]);
  }
  const versions = new Map<SyncId, Map<number, Layout>>();
  for (const [sync, version, fields, columns] of session.all<[number, number, string, string]>(
    "SELECT sync, version, fields, columns FROM sync_version",
  )) {
    const layouts = versions.get(sync) ?? new Map<number, Layout>();
    // We wrote these texts ourselves, from arrays of texts.
    layouts.set(version, {
      fields: JSON.parse(fields) as readonly string[],
      columns: JSON.parse(columns) as readonly (readonly string[])[],
    });
    versions.set(sync, layouts);
  }
  const syncs = new Map<SyncId, SyncShape>();
  for (const [id, version] of session.all<[number, number]>("SELECT id, version FROM sync")) {
    const layouts = versions.get(id) ?? new Map<number, Layout>();
    const today = layouts.get(version) ?? { fields: [], columns: [] };
    syncs.set(id, {
      id,
      version,
      sides: bySync.get(id) ?? [],
      fields: today.fields.length,
      placesAt: placesByVersion(today.fields, (then) => layouts.get(then)?.fields),
      imageAt: imagesByVersion(today, layouts),
    });
  }
  return { syncs, sides };
}

/** How records were laid out under one version of a sync: its fields, and by side the columns of its images. */
interface Layout {
  readonly fields: readonly string[];
  readonly columns: readonly (readonly string[])[];
}

/** Null where the names stood exactly as today. */
function placesByVersion(
  today: readonly string[],
  namesAt: (version: number) => readonly string[] | undefined,
): (version: number) => readonly number[] | null {
  const known = new Map<number, readonly number[] | null>();
  return (version) => {
    const kept = known.get(version);
    if (kept !== undefined) return kept;
    const then = namesAt(version) ?? today;
    const same = then.length === today.length && then.every((name, index) => name === today[index]);
    const places = same ? null : today.map((name) => then.indexOf(name));
    known.set(version, places);
    return places;
  };
}

function imagesByVersion(today: Layout, layouts: ReadonlyMap<number, Layout>): SyncShape["imageAt"] {
  const bySide = today.columns.map((columns, place) => placesByVersion(columns, (version) => layouts.get(version)?.columns[place]));
  return (version, place, image) => {
    const places = bySide[place]?.(version) ?? null;
    if (places === null) return image;
    const cells = readImage(image);
    return writeImage(places.map((then) => (then === -1 ? undefined : cells[then])));
  };
}

const SMALL_INTEGER = /^[1-9][0-9]*$/;
const INTEGER = /^(0|-?[1-9][0-9]{0,18})$/;

function integerCell(record: RecordId): bigint | string {
  if (record.length < 16 && SMALL_INTEGER.test(record)) return BigInt(record);
  if (!INTEGER.test(record)) return record;
  const integer = BigInt(record);
  return BigInt.asIntN(64, integer) === integer ? integer : record;
}
