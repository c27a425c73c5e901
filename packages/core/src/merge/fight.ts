import type { Entity, ReviewCase } from "../entity/entity.ts";
import { sideName } from "../entity/sync-model.ts";
import type { SyncModel } from "../entity/sync-model.ts";
import type { FieldIndex, SideIndex } from "../record/identifiers.ts";
import type { MaybeValue } from "../value/value-type.ts";
import type { MergeEvent } from "./merge-event.ts";

/** What a side told of a field that differed from the canonical value: it was taken, or pushed back. */
export interface Telling {
  readonly side: SideIndex;
  /** Of the value: equal values have equal ones. */
  readonly digest: string;
  readonly isTaken: boolean;
  /** When it was merged. Epoch milliseconds. */
  readonly atMs: number;
}

/** So many tellings that go back and forth are no day's work of people. */
const FLIPS = 6;
/** Within so long. Milliseconds. */
const FLIPS_WITHIN_MS = 3_600_000;
/** So many in turn, whatever their values: two rules that each add to what the other made. Or so many of one side, where what is written elsewhere comes back by another tool. */
const TURNS = 12;
const ECHOES = 10;
/** Faster than people. Milliseconds. */
const FAST_MS = 60_000;

/** As many of the latest tellings of a field as are ever looked at. */
export const TELLINGS_MAX = TURNS;

/**
 * Whether two rules fight over a field: sides that tell the same values in turn, a side that tells again and again what is pushed back, or sides that take turns faster than people do. [S49] Pure.
 *
 * @param tellings of one field, oldest first
 */
export function isFight(tellings: readonly Telling[]): boolean {
  // Most fields of most days.
  if (tellings.length < FLIPS) return false;
  const flips = latest(tellings, FLIPS, FLIPS_WITHIN_MS);
  if (flips !== null && (isPushedBack(flips) || (isOfSeveral(flips) && (isRound(flips, 2) || isRound(flips, 3))))) return true;
  const echoes = latest(tellings, ECHOES, FAST_MS);
  if (echoes !== null && (isRound(echoes, 2) || isRound(echoes, 3)) && new Set(echoes.map(({ digest }) => digest)).size > 1) return true;
  const turns = latest(tellings, TURNS, FAST_MS);
  return turns !== null && turns.every(({ side, isTaken }, place) => isTaken && side !== turns[place - 1]?.side);
}

function latest(tellings: readonly Telling[], count: number, withinMs: number): readonly Telling[] | null {
  const found = tellings.slice(-count);
  const [first, last] = [found[0], found.at(-1)];
  return first === undefined || last === undefined || found.length < count || last.atMs - first.atMs > withinMs ? null : found;
}

function isPushedBack(tellings: readonly Telling[]): boolean {
  return tellings.every(({ side, digest, isTaken }) => !isTaken && side === tellings[0]?.side && digest === tellings[0].digest);
}

function isOfSeveral(tellings: readonly Telling[]): boolean {
  return tellings.some(({ side }) => side !== tellings[0]?.side);
}

/** Whether they repeat after so many. */
function isRound(tellings: readonly Telling[], length: number): boolean {
  return tellings.every(({ side, digest, isTaken }, place) => {
    const before = tellings[place - length];
    return isTaken && (before === undefined || (before.side === side && before.digest === digest));
  });
}

/** Freezes a field that is fought over: it is written to no side until a person decides, or all sides show the same. [S23, S49] */
export function freezeFight(
  model: SyncModel,
  entity: Entity,
  field: FieldIndex,
  tellings: readonly Telling[],
  atMs: number,
): { readonly entity: Entity; readonly event: MergeEvent & { readonly kind: "reviewOpened" } } | null {
  const frozen = entity.fields[field];
  const last = tellings.at(-1);
  const first = tellings[0];
  if (frozen === undefined || frozen.review !== null || last === undefined || first === undefined) return null;
  const sides = [...new Set(tellings.map(({ side }) => side))];
  const reason = reasonOf(model, field, tellings, sides, last.atMs - first.atMs);
  const candidates: MaybeValue[] = model.sides.map((_, side) => (sides.includes(side) ? entity.members[side]?.shadow[field] : undefined));
  const review: ReviewCase = { openedAtMs: atMs, reason, candidates, isFight: true };
  const fields = entity.fields.map((old, index) => (index === field ? { ...old, review } : old));
  const candidate = entity.members[last.side]?.shadow[field];
  return {
    entity: { ...entity, fields },
    event: { kind: "reviewOpened", field, side: last.side, reason, canonical: frozen.value, candidate },
  };
}

function reasonOf(
  model: SyncModel,
  field: FieldIndex,
  tellings: readonly Telling[],
  sides: readonly SideIndex[],
  lastingMs: number,
): string {
  const names = sides.map((side) => sideName(model, side)).toSorted();
  const often = `${tellings.length} times within ${Math.max(1, Math.ceil(lastingMs / 1_000))} s`;
  if (tellings.every(({ isTaken }) => !isTaken)) {
    const policy = model.fields[field]?.policy.kind ?? "";
    const rule = model.fields[field]?.writers[sides[0] ?? 0] === true ? `its policy (${policy})` : "its direction (from:)";
    return `${names.join()} has told the same value ${often}, and ${rule} pushed it back: something at ${names.join()} fights with that rule`;
  }
  if (sides.length === 1)
    return `${names.join()} told values in turn ${often}: a rule or a tool there answers what Accord writes elsewhere`;
  return `it went back and forth between ${names.join(" and ")} ${often}: a rule or a tool at each of them undoes what the other does`;
}
