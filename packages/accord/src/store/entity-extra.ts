import {
  readImage,
  writeImage,
  type CanonicalField,
  type CountDelta,
  type Life,
  type MaybeValue,
  type ReviewCase,
  type SetAdd,
} from "@accord/core";
import type { StoredEntity, StoredMember } from "@accord/engine/store";

/** What of an entity is not the default, and so rarely there: kept as JSON. Null where all is as usual. */
export interface EntityExtra {
  readonly life?: Life;
  readonly review?: StoredCase;
  /** By field. */
  readonly reviews?: Readonly<Record<string, StoredCase>>;
  readonly adds?: Readonly<Record<string, readonly SetAdd[]>>;
  readonly deltas?: Readonly<Record<string, readonly CountDelta[]>>;
  /** By side: a member without a record, whole. */
  readonly gone?: Readonly<Record<string, GoneMember>>;
  /** By side: what a member with a record has beside its row. */
  readonly past?: Readonly<Record<string, MemberPast>>;
}

/** Candidates are an image, since JSON does not know unknown from null. [S5] */
type StoredCase = Omit<ReviewCase, "candidates"> & { readonly candidates: string };
export type MemberPast = Pick<StoredMember, "incarnation" | "retired">;
export type GoneMember = Omit<StoredMember, "ack" | "intent" | "record">;

export const NO_PAST: MemberPast = { incarnation: 1, retired: [] };

type Writable<Shape> = { -readonly [Key in keyof Shape]: Shape[Key] };

export function writeExtra(entity: StoredEntity): string | null {
  let extra: Writable<EntityExtra> | null = null;
  if (entity.life.kind !== "live") (extra ??= {}).life = entity.life;
  if (entity.review !== null) (extra ??= {}).review = storedCase(entity.review);
  for (let index = 0; index < entity.fields.length; index += 1) {
    const field = entity.fields[index];
    if (field?.review) (extra ??= {}).reviews = { ...extra.reviews, [index]: storedCase(field.review) };
    if (field?.deltas !== undefined) (extra ??= {}).deltas = { ...extra.deltas, [index]: field.deltas };
    if (field?.adds) (extra ??= {}).adds = { ...extra.adds, [index]: field.adds };
  }
  for (let side = 0; side < entity.members.length; side += 1) {
    const member = entity.members[side];
    if (member === null || member === undefined || isBeingCreated(member)) continue;
    if (member.record === null) (extra ??= {}).gone = { ...extra.gone, [side]: goneMember(member) };
    else if (member.incarnation !== NO_PAST.incarnation || member.retired.length > 0) {
      (extra ??= {}).past = { ...extra.past, [side]: { incarnation: member.incarnation, retired: member.retired } };
    }
  }
  return extra === null ? null : JSON.stringify(extra);
}

/** What an open create alone shows: the table of intents says it. [S33] */
function isBeingCreated({ state, record, image, retired }: StoredMember): boolean {
  return state === "creating" && record === null && image === null && retired.length === 0;
}

export function readExtra(text: string | null): EntityExtra {
  // Only writeExtra makes this text.
  return text === null ? NO_EXTRA : (JSON.parse(text) as EntityExtra);
}

const NO_EXTRA: EntityExtra = {};

export function readCase(stored: StoredCase | undefined): ReviewCase | null {
  return stored === undefined ? null : { ...stored, candidates: readCandidates(stored.candidates) };
}

/** Since when an entity waits for a person; null where it does not. */
export function reviewSince(entity: StoredEntity): number | null {
  let since = entity.review?.openedAtMs ?? null;
  for (const { review } of entity.fields) if (review !== null && (since === null || review.openedAtMs < since)) since = review.openedAtMs;
  return since;
}

/** The same, of what was written of it. */
export function reviewSinceOf(text: string | null): number | null {
  if (text === null) return null;
  const { review, reviews } = readExtra(text);
  let since = review?.openedAtMs ?? null;
  for (const { openedAtMs } of Object.values(reviews ?? {})) if (since === null || openedAtMs < since) since = openedAtMs;
  return since;
}

/** A field from its parts: unchanged by a round trip. */
export function fieldOf(
  value: MaybeValue,
  version: number,
  provenance: CanonicalField["provenance"],
  extra: EntityExtra,
  index: number,
): CanonicalField {
  if (extra === NO_EXTRA) return { value, version, provenance, review: null, adds: null };
  const deltas = extra.deltas?.[index];
  const field = { value, version, provenance, review: readCase(extra.reviews?.[index]), adds: extra.adds?.[index] ?? null };
  return deltas === undefined ? field : { ...field, deltas };
}

function storedCase(review: ReviewCase): StoredCase {
  // An image cannot tell no cells from one empty cell.
  return { ...review, candidates: review.candidates.length === 0 ? "" : `=${writeImage(review.candidates)}` };
}

function readCandidates(text: string): MaybeValue[] {
  return text === "" ? [] : readImage(text.slice(1));
}

function goneMember({ state, incarnation, image, position, seenAtMs, retired }: StoredMember): GoneMember {
  return { state, incarnation, image, position, seenAtMs, retired };
}
