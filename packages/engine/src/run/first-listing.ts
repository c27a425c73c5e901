import { getRecord, matchKeysOf, mergedInto, NO_REFERENCES, readImage } from "@accord/core";
import type { MaybeValue, NativeCell, NativeImage, RecordId, References, SideIndex, SideMapping, SideModel, SyncModel } from "@accord/core";
import type { RecordPage } from "../connector/connector.ts";
import type { CallOptions } from "../host/host.ts";
import type { EngineContext, RunningSync } from "./context.ts";
import { loadReferences } from "./hydrate.ts";
import { ImageCells } from "./image-cells.ts";
import { LevelReader } from "./level.ts";
import { incompleteListing } from "./list.ts";
import { PagesAhead } from "./pages-ahead.ts";

/**
 * The first listing of a side: every record is staged with the keys it is matched by and what it says in short, in resumable pages. [S52] All sides are listed before any record meets another, so
 * that keys that are not unique are known. [S36] @throws ACCORD_LISTING_INCOMPLETE where the system ended the listing before its end: what it kept back would be made twice
 */
export async function listFirst(
  context: EngineContext,
  sync: RunningSync,
  side: SideIndex,
  after: RecordId | null,
  options: CallOptions,
): Promise<void> {
  const object = sync.objects[side];
  const model = sync.model.sides[side];
  if (object === undefined || model === undefined) return;
  const readRecord = recordReader(sync.model, side, model.mapping);
  const isKeyedByOthers = sync.model.match[0]?.some((field) => sync.model.fields[field]?.reference !== null) === true;
  const referencesOf = async (images: readonly NativeImage[]): Promise<References> =>
    isKeyedByOthers
      ? loadReferences(
          context,
          sync,
          [],
          images.map((image) => ({ side, image })),
          options,
        )
      : NO_REFERENCES;
  const atMs = context.clock.nowMs();
  const pageSize = Math.min(context.limits.listPage, PAGE_MAX);
  let count = 0;
  let isComplete = false;
  // One page is on its way into the store while the next one is read and the one after it listed: more of them would grow old in memory.
  let staged = Promise.resolve();
  const pages = new PagesAhead(object.list(after, { ...options, pageSize }), pageSize);
  try {
    for (let page = await pages.next(); page !== null; page = await pages.next()) {
      isComplete = page.complete;
      const row = {
        side,
        state: isComplete ? "done" : "running",
        after: page.ids.at(-1) ?? after,
        completedAtMs: isComplete ? context.clock.nowMs() : null,
      } as const;
      const { ids, images, position } = withoutShells(model, page);
      const references = await referencesOf(images);
      const readings = images.map((image) => readRecord(image, references));
      const keys = readings.map((reading) => reading.keys);
      const said = readings.map((reading) => reading.said);
      const provenance = { side, cause: "initial", fromMs: 0, toMs: atMs } as const;
      await staged;
      const next = { sync: sync.id, side, ids, images, keys, said, provenance, position, atMs, listing: row };
      staged = context.store.firstContact.stage(next, options);
      // What becomes of it is heard where it is awaited.
      staged.catch(() => {});
      count += ids.length;
      context.watch.listed(sync.model.name, model.name, count);
    }
  } finally {
    await pages.close();
    await staged;
  }
  if (!isComplete) throw incompleteListing(sync, side);
}

/** What was merged away before Accord came is nobody's counterpart. [S41] */
function withoutShells(model: SideModel, page: RecordPage): Pick<RecordPage, "ids" | "images" | "position"> {
  if (model.merged === null) return page;
  const isLeft = page.images.map((image) => mergedInto(model, readImage(image)) === null);
  return {
    ids: page.ids.filter((_, at) => isLeft[at]),
    images: page.images.filter((_, at) => isLeft[at]),
    position: page.position,
  };
}

/** Records of a page: what is read of them dies young, before the collector has to carry it on. Larger pages cost twice its work. */
const PAGE_MAX = 500;

interface FirstReading {
  readonly said: NativeImage | null;
  readonly keys: readonly (string | null)[];
}

/** Reads what a record says in short, or else its key of the first match rule. */
function recordReader(
  model: SyncModel,
  side: SideIndex,
  mapping: SideMapping,
): (image: NativeImage, references: References) => FirstReading {
  const level = LevelReader.of(model, side);
  const keyOf = firstKeyReader(model, mapping);
  return (image, references) => level?.read(image) ?? { said: null, keys: [keyOf(image, references)] };
}

/** Reads a record's key of the first match rule, and no cell beyond those that it is made of. A key may name other records: their syncs come before this one. [S44, S45] */
function firstKeyReader(model: SyncModel, mapping: SideMapping): (image: NativeImage, references: References) => string | null {
  const [rule] = model.match;
  if (rule === undefined) return () => null;
  const keyModel = { ...model, match: [rule] };
  const keyFields = rule.map((field) => mapping.fields[field] ?? null);
  const places = keyFields.flatMap((field) => field?.reads ?? []);
  const upTo = Math.max(0, ...places) + 1;
  const keyMapping = { ...mapping, fields: keyFields };
  const image = new ImageCells();
  const cells: NativeCell[] = mapping.columns.map(() => undefined);
  const values: MaybeValue[] = model.fields.map(() => undefined);
  return (text, references) => {
    image.see(text, upTo);
    for (const place of places) cells[place] = image.cell(place);
    const gotten = getRecord(keyMapping, cells, references);
    rule.forEach((field, index) => {
      values[field] = gotten.values[index];
    });
    return matchKeysOf(keyModel, values)[0] ?? null;
  };
}
