import { createEntity, joinMember, mergedInto, readImage } from "@accord/core";
import type { Entity, EntityId, NativeImage, RecordId, SideIndex } from "@accord/core";
import type { OpenObject } from "../connector/connector.ts";
import { AccordError } from "../connector/errors.ts";
import type { CallOptions } from "../host/host.ts";
import { mergeEntry } from "../journal/payload.ts";
import type { Lease } from "../store/rows.ts";
import { ChangeSet } from "./changes.ts";
import type { EngineContext, RunningSync } from "./context.ts";
import { takeShard } from "./take-shard.ts";
import { keepEntity, touch } from "./due.ts";
import { hydrate, loadReferences } from "./hydrate.ts";

type Link = readonly [EntityId, RecordId];

/**
 * Rebuilds the links that a restored store does not know: the systems' proof rows tell which record belongs to which entity. [S58] What they do not tell is found by
 * match keys later. Values meet by the initial policy; nothing is written to any system. Returns how many links were found.
 */
export async function rebuildLinks(context: EngineContext, options: CallOptions): Promise<number> {
  let count = 0;
  for (const sync of context.syncs) {
    for (const [side, object] of sync.objects.entries()) {
      if (!object.capabilities.externalId) continue;
      for await (const page of object.listLinks(null, options)) {
        for (let start = 0; start < page.length; start += context.limits.mergeBatch) {
          count += await relink(context, sync, side, object, page.slice(start, start + context.limits.mergeBatch), options);
        }
      }
    }
  }
  if (count > 0) context.log.info("links.rebuilt", { links: count });
  return count;
}

async function relink(
  context: EngineContext,
  sync: RunningSync,
  side: SideIndex,
  object: OpenObject,
  page: readonly Link[],
  options: CallOptions,
): Promise<number> {
  const holders = await context.store.findLinks(
    sync.id,
    side,
    page.map(([, record]) => record),
    options,
  );
  const unknown = page.filter((_, index) => (holders[index] ?? null) === null);
  if (unknown.length === 0) return 0;
  const reading = await readAll(object, unknown, options);
  const stored = new Map(
    (
      await context.store.loadEntities(
        unknown.map(([entity]) => entity),
        options,
      )
    ).map((entity) => [entity.id, entity]),
  );
  const seen = reading.images.flatMap((image) => (image === null ? [] : [{ side, image }]));
  const references = await loadReferences(context, sync, [...stored.values()], seen, options);
  const changesByShard = new Map<number, ChangeSet>();
  let count = 0;
  for (const [index, [id, record]] of unknown.entries()) {
    const image = reading.images[index] ?? null;
    const known = stored.get(id);
    if (image === null || (known?.members[side]?.state ?? "absent") === "live") continue;
    const nowMs = context.clock.nowMs();
    const observation = { image, position: reading.position, fromMs: 0, toMs: nowMs, isReading: true };
    const joined =
      known === undefined
        ? createEntity(sync.model, id, side, record, observation, "initial", references)
        : joinMember(sync.model, hydrate(sync.model, known, references), side, record, observation, "proof", references);
    const shard = context.store.shardOf(id);
    const changes = changesByShard.get(shard) ?? new ChangeSet();
    changesByShard.set(shard, changes);
    keepLink(context, sync, side, record, joined, changes, references);
    // A shell tells what it was merged into: that is done over as it was. [S41]
    const model = sync.model.sides[side];
    const into = model === undefined ? null : mergedInto(model, readImage(image));
    if (into !== null) changes.marks.push({ ...touch(sync, side, record, nowMs), mergedInto: into });
    count += 1;
  }
  for (const [shard, changes] of changesByShard) await context.store.commit(await leaseOf(context, shard, options), changes, options);
  return count;
}

function keepLink(
  context: EngineContext,
  sync: RunningSync,
  side: SideIndex,
  record: RecordId,
  joined: { readonly entity: Entity; readonly events: Parameters<typeof mergeEntry>[2]["events"] },
  changes: ChangeSet,
  references: Parameters<typeof keepEntity>[3],
): void {
  const nowMs = context.clock.nowMs();
  changes.journal.push(
    mergeEntry(
      sync.model,
      { run: context.run, sync: sync.id, entity: joined.entity.id, side, atMs: nowMs },
      { record, fromMs: 0, toMs: nowMs, version: joined.entity.version, events: joined.events },
      "recovery",
    ),
  );
  keepEntity(context, sync, joined.entity, references, changes);
}

async function readAll(
  object: OpenObject,
  links: readonly Link[],
  options: CallOptions,
): Promise<{ readonly images: readonly (NativeImage | null)[]; readonly position: string | null }> {
  const images: (NativeImage | null)[] = [];
  let position: string | null = null;
  const size = object.capabilities.pageSizeMax;
  for (let start = 0; start < links.length; start += size) {
    const reading = await object.read(
      links.slice(start, start + size).map(([, record]) => record),
      options,
    );
    images.push(...reading.images);
    // The first reading's position is the oldest: it claims no change that a later reading alone includes.
    position ??= reading.position;
  }
  return { images, position };
}

async function leaseOf(context: EngineContext, shard: number, options: CallOptions): Promise<Lease> {
  const lease = await takeShard(context, shard, options);
  if (lease === null) throw new AccordError("ACCORD_LEASE_LOST", "Another process is working on this store.", { remedy: "stop" });
  return lease;
}
