import { readImage } from "@accord/core";
import type { EntityId } from "@accord/core";
import type { CallOptions } from "../host/host.ts";
import type { EntityPage, LoadedRequest, NewRequest } from "../store/rows.ts";
import type { ChangeSet } from "./changes.ts";
import type { EngineContext, RunningSync } from "./context.ts";
import { touch } from "./due.ts";

/** What is to follow a merged entity: the sync whose records may name it, and how far that was looked through. */
export interface RepointRequest {
  readonly children: string;
  readonly after: EntityId | null;
}

/** Entities of a page of a scan, and pages looked through in one commit. */
const PAGE = 500;
const PAGES = 20;

/** One request for each sync whose records may name entities of this one. [S41, S44] */
export function repointRequests(context: EngineContext, sync: RunningSync, loser: EntityId): readonly NewRequest[] {
  const children = context.syncs.filter(({ model }) => model.fields.some(({ reference }) => reference?.sync === sync.model.name));
  return children.map(({ model }) => requestOf(context, sync, loser, { children: model.name, after: null }));
}

/**
 * Has every record looked at whose entity names the merged one: merging then lets it name the winner. Some thousand entities a commit, which keeps how far it came; an entity that comes to name the loser
 * later is seen as it does.
 */
export async function repoint(
  context: EngineContext,
  sync: RunningSync,
  { entity: loser }: Pick<LoadedRequest, "entity">,
  { children, after }: RepointRequest,
  changes: ChangeSet,
  options: CallOptions,
): Promise<void> {
  const child = context.syncs.find(({ model }) => model.name === children);
  if (child === undefined) return;
  let from = after;
  for (let number = 0; number < PAGES; number += 1) {
    const page = await context.store.scanEntities(child.id, from, PAGE, options);
    touchChildren(context, child, sync.model.name, page, String(loser), changes);
    from = page.ids.at(-1) ?? from;
    if (page.ids.length < PAGE) return;
  }
  changes.requests.push(requestOf(context, sync, loser, { children, after: from }));
}

function touchChildren(
  context: EngineContext,
  child: RunningSync,
  parent: string,
  { ids, values, members }: EntityPage,
  loser: string,
  changes: ChangeSet,
): void {
  const places = child.model.fields.flatMap(({ reference }, field) => (reference?.sync === parent ? [field] : []));
  for (let at = 0; at < ids.length; at += 1) {
    const text = values[at] ?? "";
    if (!text.includes(loser)) continue;
    const cells = readImage(text);
    if (!places.some((field) => cells[field] === loser)) continue;
    // One record is enough: whatever it shows, its entity is kept anew.
    const side = members.findIndex(({ records, states }) => (records[at] ?? null) !== null && states[at] === "live");
    const record = members[side]?.records[at] ?? null;
    if (record !== null) changes.marks.push(touch(child, side, record, context.clock.nowMs()));
  }
}

function requestOf(context: EngineContext, sync: RunningSync, loser: EntityId, body: RepointRequest): NewRequest {
  return { sync: sync.id, entity: loser, kind: "repoint", body: JSON.stringify(body), run: context.run, atMs: context.clock.nowMs() };
}
