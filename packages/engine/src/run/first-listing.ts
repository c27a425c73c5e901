import { getRecord, matchKeysOf, NO_REFERENCES, readImage } from "@accord/core";
import type { NativeImage, RecordId, SideIndex, SideMapping, SyncModel } from "@accord/core";
import type { CallOptions } from "../host/host.ts";
import type { EngineContext, RunningSync } from "./context.ts";
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

/** Reads a record's key of the first match rule, and no other field. */
function firstKeyReader(model: SyncModel, mapping: SideMapping): (image: NativeImage) => string | null {
  const [rule] = model.match;
  if (rule === undefined) return () => null;
  const wanted = new Set(rule);
  const keyMapping = { ...mapping, fields: mapping.fields.map((field, index) => (wanted.has(index) ? field : null)) };
  const keyModel = { ...model, match: [rule] };
  return (image) => matchKeysOf(keyModel, getRecord(keyMapping, readImage(image), NO_REFERENCES).values)[0] ?? null;
}
