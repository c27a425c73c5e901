import type { Entity, EntityId, RecordId, SideIndex } from "@accord/core";
import type { WriteOutcome } from "../connector/connector.ts";
import type { CallOptions } from "../host/host.ts";
import { mergeEntry } from "../journal/payload.ts";
import type { Intent } from "../store/rows.ts";
import type { ChangeSet } from "./changes.ts";
import type { EngineContext, RunningSync } from "./context.ts";
import { keepEntity } from "./due.ts";
import { hydrate, loadReferences } from "./hydrate.ts";
import { tellKin } from "./kin.ts";
import { endLife } from "./new-life.ts";

/**
 * A system may give a new record the id of one that was deleted a moment ago, before that delete was seen (SQLite does so for its highest rowid): whoever is linked to
 * an id under which our create now stands has lost its record. Its delete is absorbed in the same commit, so that the link stays injective. [S34, S38] Where it is our own
 * delete whose outcome is told beside it, that ends the link.
 * Returns the former holders as they are now: whoever knew them before knows them no more.
 */
export async function endFormerHolders(
  context: EngineContext,
  sync: RunningSync,
  side: SideIndex,
  landings: readonly { readonly intent: Intent; readonly outcome: WriteOutcome | undefined }[],
  changes: ChangeSet,
  options: CallOptions,
): Promise<ReadonlyMap<EntityId, Entity>> {
  const created = landings.flatMap(({ intent, outcome }) =>
    intent.kind === "create" && intent.side === side && (outcome?.kind === "applied" || outcome?.kind === "exists")
      ? [{ entity: intent.entity, record: outcome.record }]
      : [],
  );
  const ended = new Map<EntityId, Entity>();
  if (created.length === 0) return ended;
  const records = created.map(({ record }) => record);
  const holders = await context.store.findLinks(sync.id, side, records, options);
  const deleted = new Set(landings.flatMap(({ intent, outcome }) => (isDeleted(intent, outcome) ? [intent.entity] : [])));
  const former = new Map<EntityId, RecordId>();
  for (const [index, { entity, record }] of created.entries()) {
    const holder = holders[index] ?? null;
    if (holder !== null && holder !== entity && !deleted.has(holder)) former.set(holder, record);
  }
  if (former.size === 0) return ended;
  const stored = await context.store.loadEntities([...former.keys()], options);
  const references = await loadReferences(context, sync, stored, [], options);
  for (const holder of stored) {
    const entity = hydrate(sync.model, holder, references);
    const nowMs = context.clock.nowMs();
    const record = former.get(holder.id) ?? "";
    const deletion = { fromMs: entity.members[side]?.seenAtMs ?? nowMs, toMs: nowMs, position: null };
    const absorbed = endLife(sync.model, entity, side, record, deletion, references);
    if (absorbed.events.length > 0) {
      changes.journal.push(
        mergeEntry(
          sync.model,
          { run: context.run, sync: sync.id, entity: entity.id, side, atMs: nowMs },
          { record, fromMs: deletion.fromMs, toMs: nowMs, version: absorbed.entity.version, events: absorbed.events },
        ),
      );
    }
    tellKin(context, sync, entity, absorbed.entity, absorbed.events, changes);
    ended.set(holder.id, keepEntity(context, sync, absorbed.entity, references, changes).entity);
    context.log.info("record.reused", { sync: sync.model.name, side: sync.model.sides[side]?.name, entity: entity.id });
  }
  return ended;
}

function isDeleted({ kind }: Intent, outcome: WriteOutcome | undefined): boolean {
  return (kind === "delete" || kind === "undo-delete") && (outcome?.kind === "applied" || outcome?.kind === "missing");
}
