import { getRecord, matchKeysOf, NO_REFERENCES } from "@accord/core";
import type { MaybeValue, NativeCell, NativeImage, RecordId, SideIndex, SideMapping, SyncModel } from "@accord/core";
import type { CallOptions } from "../host/host.ts";
import type { EngineContext, RunningSync } from "./context.ts";
import { ImageCells } from "./image-cells.ts";
import { incompleteListing } from "./list.ts";

/**
 * The first listing of a side: every record is staged with the key it is matched by, in resumable pages. [S52] All sides are listed before any record meets another, so
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
  const keyOf = firstKeyReader(sync.model, model.mapping);
  const atMs = context.clock.nowMs();
  let count = 0;
  let isComplete = false;
  for await (const page of object.list(after, { ...options, pageSize: context.limits.listPage })) {
    isComplete = page.complete;
    const row = {
      side,
      state: isComplete ? "done" : "running",
      after: page.ids.at(-1) ?? after,
      completedAtMs: isComplete ? context.clock.nowMs() : null,
    } as const;
    const { ids, images, position } = page;
    const keys = images.map(keyOf);
    await context.store.firstContact.stage({ sync: sync.id, side, ids, images, keys, position, atMs, listing: row }, options);
    count += ids.length;
    context.watch.listed(sync.model.name, model.name, count);
  }
  if (!isComplete) throw incompleteListing(sync, side);
}

/** Reads a record's key of the first match rule, and no cell beyond those that it is made of. */
function firstKeyReader(model: SyncModel, mapping: SideMapping): (image: NativeImage) => string | null {
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
  return (text) => {
    image.see(text, upTo);
    for (const place of places) cells[place] = image.cell(place);
    const gotten = getRecord(keyMapping, cells, NO_REFERENCES);
    rule.forEach((field, index) => {
      values[field] = gotten.values[index];
    });
    return matchKeysOf(keyModel, values)[0] ?? null;
  };
}
