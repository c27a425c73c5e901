import { getRecord, isUnproven, leaveUnproven, matchKeysOf, NO_REFERENCES, readImage } from "@accord/core";
import type { Entity, EntityId, NativeImage, References, SideIndex } from "@accord/core";
import { patchesOf } from "../connector/cell-patches.ts";
import type { OpenObject } from "../connector/connector.ts";
import type { CallOptions } from "../host/host.ts";
import type { Intent, KeyMatch, ListingRow, NewRequest, Seeker } from "../store/rows.ts";
import type { ChangeSet } from "./changes.ts";
import type { EngineContext, RunningSync } from "./context.ts";
import { keepEntity, UNPROVEN } from "./due.ts";
import { loadReferences } from "./hydrate.ts";
import type { RetryRequest } from "./requests.ts";

/** Rows looked at in one page. */
const PAGE = 500;
/** A listing for the sake of unproven creates begins no sooner after the last one. Milliseconds. */
const LISTING_MS_MIN = 60_000;

/** Whether a create whose answer was lost stays unproven: the system can say neither which intents landed nor whose a record is. [S26] */
function leavesUnproven({ capabilities }: OpenObject): boolean {
  return !capabilities.proof && !capabilities.externalId;
}

/** Closes the intent of such a create: what was asked for stays with the member, which is parked until its record shows up or a listing lacks it. [S35] */
export function parkUnproven(
  context: EngineContext,
  sync: RunningSync,
  { entity, intent }: { readonly entity: Entity; readonly intent: Intent },
  references: References,
  changes: ChangeSet,
): void {
  const { id, side, fields, openedAtMs } = intent;
  const set = patchesOf(intent.set);
  changes.intentsClosed.push(id);
  keepEntity(context, sync, leaveUnproven(sync.model, entity, side, { fields, set, atMs: openedAtMs }, references), references, changes);
  const name = sync.model.sides[side]?.name ?? "";
  context.watch.parked(sync.model.name, name, UNPROVEN);
  context.log.warn("write.parked", { sync: sync.model.name, side: name, entity: entity.id, code: "ACCORD_UNPROVEN" });
}

/** A record that was asked for and may be there. */
export interface AskedRecord {
  readonly entity: EntityId;
  /** Tells one try from a later one. */
  readonly incarnation: number;
  readonly image: NativeImage;
  readonly askedAtMs: number;
}

/** The unproven creates of a side: few, and at systems of G1 alone. */
export async function askedRecords(
  context: EngineContext,
  sync: RunningSync,
  side: SideIndex,
  options: CallOptions,
): Promise<readonly AskedRecord[]> {
  const object = sync.objects[side];
  const asked: AskedRecord[] = [];
  let after: EntityId | null = null;
  let isMore = object !== undefined && leavesUnproven(object);
  while (isMore) {
    // Each of them is parked: see `keepDue`.
    const page = await context.store.listDue({ sync: sync.id, side, states: ["parked"], after, limit: PAGE }, options);
    for (const { entity, stored } of page) {
      const member = stored.members[side];
      if (isUnproven(member)) asked.push({ entity, incarnation: member.incarnation, image: member.image, askedAtMs: member.seenAtMs });
    }
    after = page.at(-1)?.entity ?? after;
    isMore = page.length === PAGE;
  }
  return asked;
}

/**
 * What the store knows of the keys of new records, with the entities that asked for a record with such a key: the entity itself may have got another key since, or may have been
 * deleted. [S35, S38]
 */
export async function withAsked(
  context: EngineContext,
  sync: RunningSync,
  side: SideIndex,
  seekers: readonly Pick<Seeker, "keys">[],
  matches: readonly (readonly KeyMatch[])[],
  options: CallOptions,
): Promise<readonly (readonly KeyMatch[])[]> {
  const asked = await askedRecords(context, sync, side, options);
  if (asked.length === 0) return matches;
  const seen = asked.map(({ image }) => ({ side, image }));
  const references = await loadReferences(context, sync, [], seen, options);
  const byKey = new Map<string, EntityId[]>();
  for (const { entity, image } of asked) {
    for (const [rule, key] of keysOf(sync, side, image, references).entries()) {
      if (key !== null) byKey.set(`${rule} ${key}`, [...(byKey.get(`${rule} ${key}`) ?? []), entity]);
    }
  }
  return matches.map((byRule, index) =>
    byRule.map((match, rule) => {
      const entities = byKey.get(`${rule} ${seekers[index]?.keys[rule] ?? ""}`) ?? [];
      return entities.length === 0 ? match : { ...match, entities: [...new Set([...match.entities, ...entities])] };
    }),
  );
}

/** Looks in one listing of a side for the records that were asked for before it began. [S35] */
export class AskedSearch {
  readonly #sync: RunningSync;
  readonly #side: SideIndex;
  /** What has no match key cannot be looked for: a person must. */
  readonly #sought: readonly { readonly asked: AskedRecord; readonly keys: readonly (string | null)[] }[];
  readonly #seen = new Set<AskedRecord>();

  constructor(sync: RunningSync, side: SideIndex, asked: readonly AskedRecord[]) {
    this.#sync = sync;
    this.#side = side;
    this.#sought = asked
      .map((one) => ({ asked: one, keys: keysOf(sync, side, one.image, NO_REFERENCES) }))
      .filter(({ keys }) => keys.some((key) => key !== null));
  }

  /** Whether a record that is linked to nothing may be one of them. */
  mayBe(image: NativeImage): boolean {
    if (this.#sought.length === 0) return false;
    const seen = keysOf(this.#sync, this.#side, image, NO_REFERENCES);
    const fitting = this.#sought.filter(({ keys }) => keys.some((key, rule) => key !== null && key === seen[rule]));
    for (const { asked } of fitting) this.#seen.add(asked);
    return fitting.length > 0;
  }

  /** Once the listing is complete: what it lacks was never made. [S11] */
  requests(context: EngineContext): readonly NewRequest[] {
    const side = this.#sync.model.sides[this.#side]?.name ?? "";
    const missing = this.#sought.filter(({ asked }) => !this.#seen.has(asked));
    return missing.map(({ asked: { entity, incarnation } }): NewRequest => {
      const body: RetryRequest = { side, incarnation };
      return { sync: this.#sync.id, entity, kind: "retry", body: JSON.stringify(body), run: context.run, atMs: context.clock.nowMs() };
    });
  }
}

/** Whether a side is to be listed although its sweep is not due: creates are unproven that the last complete listing came too early for. [S35] */
export async function isListingAwaited(
  context: EngineContext,
  sync: RunningSync,
  { side, completedAtMs }: ListingRow,
  options: CallOptions,
): Promise<boolean> {
  const object = sync.objects[side];
  if (object === undefined || completedAtMs === null || context.clock.nowMs() - completedAtMs < LISTING_MS_MIN) return false;
  const { requestDeadlineMs, staleReadMsMax } = object.capabilities;
  const asked = await askedRecords(context, sync, side, options);
  return asked.some(({ askedAtMs }) => completedAtMs <= askedAtMs + requestDeadlineMs + staleReadMsMax);
}

function keysOf({ model }: RunningSync, side: SideIndex, image: NativeImage, references: References): readonly (string | null)[] {
  const mapping = model.sides[side]?.mapping;
  return mapping === undefined ? [] : matchKeysOf(model, getRecord(mapping, readImage(image), references).values);
}
