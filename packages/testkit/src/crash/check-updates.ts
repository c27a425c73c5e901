import { across, chainsOf, sets, TEXT_FIELDS } from "./evidence.ts";
import type { Evidence, HistoryRow, LostValue, SideEvidence, Violation } from "./evidence.ts";

/**
 * [I2] Every committed user value is still there, or was followed at its place by another user's write, or lost to a conflict.
 *
 * That a value lost to a conflict is judged from the databases alone: the value that replaced it was written by a user at the other side, and that side had not shown
 * the lost one before (whoever wrote there did not know it). Accord's conflict log is asked only after that, and can only make it worse: a true conflict whose
 * lost value it does not name is a violation too.
 */
export function checkUpdates(evidence: Evidence): Violation[] {
  const lost = new Set(evidence.conflicts.map(keyOfLost));
  return forEachPlace(evidence, (place) =>
    place.chain.flatMap((row, at) => {
      const value = row.after?.[place.field] ?? null;
      if (row.operation === null || value === null || !sets(row, place.field)) return [];
      const next = place.chain.slice(at + 1).find((later) => later.kind === "delete" || sets(later, place.field));
      const isSafe = next === undefined || next.operation !== null || (next.kind === "delete" && isInitial(place, row));
      const problem = isSafe ? null : loss(place, value, next, lost);
      return problem === null
        ? []
        : [{ rule: "I2" as const, what: `${place.code} ${place.field} at ${place.side.name}: the user's ${value} ${problem}` }];
    }),
  );
}

/** A value of a thing that both sides had at first contact: it is no edit that a delete could have missed. [S36, S38] */
function isInitial({ side, other }: Place, row: HistoryRow): boolean {
  return row.sequence <= side.metAt && other.some(({ kind, operation }) => kind === "insert" && operation !== null);
}

function keyOfLost({ field, value }: LostValue): string {
  return `${field}\n${value}`;
}

function loss(place: Place, value: string, next: HistoryRow, lost: ReadonlySet<string>): string | null {
  const { field, other } = place;
  if (next.kind === "delete") {
    const shown = other.findIndex(({ after }) => after?.[field] === value);
    const isKnown = shown !== -1 && other.slice(shown + 1).some(({ kind, operation }) => kind === "delete" && operation !== null);
    if (isKnown || (lost.has(keyOfLost({ field, value })) && isDeletedAfterRival(place))) return null;
    return "was deleted with its record by Accord, before any user who deleted it elsewhere could have seen it";
  }
  const winner = next.after?.[field] ?? null;
  const shown = other.findIndex(({ after }) => after?.[field] === value);
  const isReplaced =
    shown !== -1 &&
    other.slice(shown + 1).some((row) => row.operation !== null && sets(row, field) && (row.after?.[field] ?? null) === winner);
  if (isReplaced) return null;
  const isUsers = other.some((row) => row.operation !== null && sets(row, field) && (row.after?.[field] ?? null) === winner);
  if (!isUsers) return `was overwritten by Accord with ${winner}, which no user wrote at the other side`;
  return lost.has(keyOfLost({ field, value })) ? null : `lost to the concurrent ${winner}, and the conflict log does not show it`;
}

/** Whether a user at the other side set the field and a user there deleted the thing after it: what lost to the former was not there any more to stop the latter. */
function isDeletedAfterRival({ field, other }: Place): boolean {
  const rival = other.findIndex((row) => row.operation !== null && row.kind === "update" && sets(row, field));
  return rival !== -1 && other.slice(rival + 1).some(({ kind, operation }) => kind === "delete" && operation !== null);
}

/** [I3] Accord writes only values that a user wrote for that thing, and never brings back a value that its place has left behind. */
export function checkInventions(evidence: Evidence): Violation[] {
  return forEachPlace(evidence, (place) => {
    const { chain, other, field } = place;
    const users = new Set([...chain, ...other].filter(({ operation }) => operation !== null).map(({ after }) => after?.[field] ?? null));
    let past = new Set<string | null>();
    return chain.flatMap((row): Violation[] => {
      if (row.kind === "delete") past = new Set();
      if (!sets(row, field)) return [];
      const value = row.after?.[field] ?? null;
      const isBack = row.kind === "update" && past.has(value);
      past.add(value);
      if (row.operation !== null) return [];
      const where = `${place.code} ${field} at ${place.side.name}`;
      if (value !== null && !users.has(value)) return [{ rule: "I3", what: `${where}: Accord wrote ${value}, which no user ever did` }];
      return isBack
        ? [{ rule: "I3", what: `${where}: Accord wrote ${value} over ${row.before?.[field]}, which had replaced it there` }]
        : [];
    });
  });
}

/** One field of one thing at one side. */
interface Place {
  readonly side: SideEvidence;
  readonly code: string;
  readonly field: string;
  /** Its changes, in commit order, and those of the same thing at the other side. */
  readonly chain: readonly HistoryRow[];
  readonly other: readonly HistoryRow[];
}

function forEachPlace(evidence: Evidence, check: (place: Place) => Violation[]): Violation[] {
  return evidence.sides.flatMap((side) => {
    const others = chainsOf(across(evidence, side));
    return [...chainsOf(side)].flatMap(([code, chain]) =>
      TEXT_FIELDS.flatMap((field) => check({ side, code, field, chain, other: others.get(code) ?? [] })),
    );
  });
}
