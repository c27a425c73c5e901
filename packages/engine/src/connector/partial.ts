import { readImage, writeImage } from "@accord/core";
import type { NativeCell, NativeImage } from "@accord/core";
import { patchesOf } from "./cell-patches.ts";
import { assert } from "./errors.ts";
import type {
  CellPatch,
  ChangeBatch,
  Connection,
  Cursor,
  Feed,
  NextOptions,
  OpenObject,
  RecordPage,
  WriteOperation,
  WriteOptions,
  WriteOutcome,
} from "./connector.ts";

/**
 * A connection that opens objects some of whose columns are not there any more: images carry all columns that were asked for, those that are missing as unknown cells, and writes
 * leave them out. All else goes through as it is. [S5, S50]
 *
 * @param missing the columns that are not there, by object
 */
export function partialConnection(inner: Connection, missing: ReadonlyMap<string, ReadonlySet<string>>): Connection {
  const made = new Map<OpenObject, PartialObject>();
  const innerOf = (object: OpenObject): OpenObject => made.get(object)?.inner ?? object;
  return {
    name: inner.name,
    check: (objects, options) => inner.check(objects, options),
    discover: (options) => inner.discover(options),
    open: async (object, columns, options) => {
      const without = missing.get(object);
      if (without === undefined || !columns.some((column) => without.has(column))) return inner.open(object, columns, options);
      const there = columns.filter((column) => !without.has(column));
      const partial = partialObject(await inner.open(object, there, options), columns);
      made.set(partial.object, partial);
      return partial.object;
    },
    install: (objects, mode, options) => inner.install(objects, mode, options),
    uninstall: (mode, options) => inner.uninstall(mode, options),
    epoch: (options) => inner.epoch(options),
    follow: async (objects, cursor, options) => {
      const feed = await inner.follow(objects.map(innerOf), cursor, options);
      return partialFeed(
        feed,
        objects.map((object) => made.get(object) ?? null),
      );
    },
    currentCursor: (options) => inner.currentCursor(options),
    standing: (cursor, options) => inner.standing(cursor, options),
    readMark: (options) => inner.readMark(options),
    writeMark: (mark, options) => inner.writeMark(mark, options),
    close: () => inner.close(),
  };
}

const NONE: ReadonlySet<string> = new Set();

/** An object as it is shown, the one that it stands for, and what becomes of images between them. */
interface PartialObject {
  readonly object: OpenObject;
  readonly inner: OpenObject;
  readonly whole: (image: NativeImage) => NativeImage;
}

/** An object shown without some of its columns, as if they were not there. */
export function withoutColumns(object: OpenObject, without: ReadonlySet<string>): OpenObject {
  return partialObject(object, object.columns, without).object;
}

function partialObject(inner: OpenObject, columns: readonly string[], without: ReadonlySet<string> = NONE): PartialObject {
  /** By place here: the place there, or -1. */
  const places = columns.map((column) => (without.has(column) ? -1 : inner.columns.indexOf(column)));
  const whole = (image: NativeImage): NativeImage => {
    const cells = readImage(image);
    return writeImage(places.map((place) => (place === -1 ? undefined : cells[place])));
  };
  const wholeOrNull = (image: NativeImage | null): NativeImage | null => (image === null ? null : whole(image));
  const patches = (cells: readonly CellPatch[]): readonly CellPatch[] =>
    cells.flatMap(({ column, cell }) => {
      const place = places[column];
      assert(place !== undefined, "patches name columns of their object");
      return place === -1 ? [] : [{ column: place, cell }];
    });
  const fromWhole = (image: NativeImage): NativeImage => {
    const cells: NativeCell[] = inner.columns.map(() => undefined);
    for (const { column, cell } of patches(patchesOf(image))) cells[column] = cell;
    return writeImage(cells);
  };
  const object: OpenObject = {
    schema: inner.schema,
    columns,
    capabilities: inner.capabilities,
    list: (after, options) => wholePages(inner.list(after, options), whole),
    read: async (ids, options) => {
      const { images, position } = await inner.read(ids, options);
      return { images: images.map(wholeOrNull), position };
    },
    write: async (operations: readonly WriteOperation[], options: WriteOptions): Promise<readonly WriteOutcome[]> => {
      const outcomes = await inner.write(
        operations.map((operation) => partialOperation(operation, patches, fromWhole)),
        options,
      );
      return outcomes.map((outcome) => (outcome.kind === "applied" ? { ...outcome, image: wholeOrNull(outcome.image) } : outcome));
    },
    findProofs: (intents, options) => inner.findProofs(intents, options),
    findByEntity: (entities, options) => inner.findByEntity(entities, options),
    listLinks: (after, options) => inner.listLinks(after, options),
    covers: (known, change) => inner.covers(known, change),
  };
  return { object, inner, whole };
}

async function* wholePages(pages: AsyncIterable<RecordPage>, whole: (image: NativeImage) => NativeImage): AsyncIterable<RecordPage> {
  for await (const page of pages) yield { ...page, images: page.images.map(whole) };
}

function partialOperation(
  operation: WriteOperation,
  patches: (cells: readonly CellPatch[]) => readonly CellPatch[],
  images: (image: NativeImage) => NativeImage,
): WriteOperation {
  switch (operation.kind) {
    case "create":
      return { ...operation, set: images(operation.set) };
    case "update":
      return { ...operation, set: patches(operation.set), expect: patches(operation.expect) };
    case "delete":
      return { ...operation, expect: patches(operation.expect) };
  }
}

function partialFeed(feed: Feed, partials: readonly (PartialObject | null)[]): Feed {
  return {
    next: async (options: NextOptions): Promise<ChangeBatch> => {
      const { changes, cursor } = await feed.next(options);
      return {
        cursor,
        changes: changes.map((one) => {
          const partial = partials[one.object];
          if (one.change.kind !== "image" || partial === null || partial === undefined) return one;
          return { ...one, change: { ...one.change, image: partial.whole(one.change.image) } };
        }),
      };
    },
    acknowledge: (cursor: Cursor) => feed.acknowledge(cursor),
    get retainedBytes() {
      return feed.retainedBytes;
    },
    close: () => feed.close(),
  };
}
