import { readImage, writeImage, type EntityId, type MemberState, type NativeImage, type RecordId, type SideIndex } from "@accord/core";
import type { EntityPage, SyncId } from "@accord/engine/store";
import type { Catalogue, SyncShape } from "./catalogue.ts";
import type { EntityOverlay } from "./entity-overlay.ts";
import { MEMBER_STATES, readMemberImages } from "./entity-members.ts";
import type { Session } from "./session.ts";

type ScannedRow = [id: number, fields: string, records: string, plainAndStates: string, members: string, header: string];

/** Rows of the first version of a configuration are all laid out alike: their headers need not be read. */
function scanSql(isFirstVersion: boolean): string {
  const header = isFirstVersion ? "" : ", e.header";
  return `SELECT e.id, e.fields, e.records, iif(e.extra IS NULL, 'P', '') || e.states, e.members${header} FROM entity e WHERE e.sync = ? AND e.id > ? ORDER BY e.id LIMIT ?`;
}

const PLAIN = "P";

/** Reads what of entities a sweep and a verification look at, in the order in which they lie in the file. */
export function scanEntities(
  session: Session,
  catalogue: Catalogue,
  overlay: EntityOverlay,
  sync: SyncId,
  after: EntityId | null,
  limit: number,
): EntityPage {
  const shape = catalogue.sync(sync);
  const isFirstVersion = shape.version === 1;
  const ids: EntityId[] = [];
  const values: NativeImage[] = [];
  const isPlain: boolean[] = [];
  const members = shape.sides.map((): Columns => ({ records: [], states: [], images: [] }));
  const isAnyHeld = overlay.isAny();
  for (const row of session.all<ScannedRow>(scanSql(isFirstVersion), sync, after ?? -1, limit)) {
    const [id, fields, records, plainAndStates, bodies, header] = isAnyHeld ? currentRow(overlay, row) : row;
    const layout = isFirstVersion ? 1 : Number.parseInt(header, 10);
    const plain = plainAndStates.startsWith(PLAIN);
    ids.push(id);
    values.push(layout === shape.version ? fields : arranged(shape, layout, fields));
    isPlain.push(plain);
    const names = readImage(records);
    const images = readMemberImages(bodies, fields);
    for (let place = 0; place < members.length; place += 1) {
      const image = images[place] ?? null;
      const columns = members[place] ?? NO_COLUMNS;
      columns.records.push(names[place] ?? null);
      columns.states.push(MEMBER_STATES[plainAndStates.charCodeAt(place + (plain ? 2 : 1)) - ZERO] ?? "absent");
      columns.images.push(image === null || layout === shape.version ? image : shape.imageAt(layout, place, image));
    }
  }
  return { ids, values, isPlain, members };
}

function currentRow(overlay: EntityOverlay, row: ScannedRow): ScannedRow {
  const held = overlay.of(row[0]);
  if (held === undefined) return row;
  const { fields, records, extra, states, members, header } = held;
  return [row[0], fields, records, `${extra === null ? PLAIN : ""}${states}`, members, header];
}

interface Columns {
  readonly records: (RecordId | null)[];
  readonly states: MemberState[];
  readonly images: (NativeImage | null)[];
}

const NO_COLUMNS: Columns = { records: [], states: [], images: [] };
const ZERO = 48;

/** Canonical values kept under another version of the configuration, in today's order. [S51] */
function arranged(shape: SyncShape, layout: number, fields: string): NativeImage {
  const places = shape.placesAt(layout);
  if (places === null) return fields;
  const cells = readImage(fields);
  return writeImage(places.map((place) => cells[place]));
}

/** Every `every`-th record of a side, in listing order. */
export function listBounds(session: Session, catalogue: Catalogue, sync: SyncId, place: SideIndex, every: number): RecordId[] {
  const side = catalogue.side(sync, place);
  const bounds: RecordId[] = [];
  const next = "SELECT CAST(record AS TEXT) FROM member WHERE side = ? AND record > ? ORDER BY record LIMIT 1 OFFSET ?";
  const first = "SELECT CAST(record AS TEXT) FROM member WHERE side = ? ORDER BY record LIMIT 1 OFFSET ?";
  let row = session.first<[string]>(first, side.number, every - 1);
  while (row !== undefined) {
    bounds.push(row[0]);
    row = session.first<[string]>(next, side.number, side.toCell(row[0]), every - 1);
  }
  return bounds;
}
