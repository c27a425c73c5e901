import { chainsOf, COUNTER, MAPPED, PRIVATE } from "./evidence.ts";
import type { CrashFields, Evidence, HistoryRow, SideEvidence, Violation } from "./evidence.ts";

/** [I1] Both sides show the same things with the same mapped values. */
export function checkAgreement({ sides: [left, right] }: Evidence): Violation[] {
  const found: Violation[] = [];
  const there = byCode(right.rows);
  for (const row of left.rows) {
    const other = there.get(row["code"] ?? "");
    if (other === undefined) {
      found.push({ rule: "I1", what: `${row["code"]} is at ${left.name} and not at ${right.name}` });
      continue;
    }
    for (const field of MAPPED) {
      if (row[field] === other[field]) continue;
      found.push({ rule: "I1", what: `${row["code"]} ${field}: ${left.name} shows ${row[field]}, ${right.name} ${other[field]}` });
    }
  }
  const here = byCode(left.rows);
  for (const code of there.keys()) {
    if (!here.has(code)) found.push({ rule: "I1", what: `${code} is at ${right.name} and not at ${left.name}` });
  }
  return found;
}

function byCode(rows: readonly CrashFields[]): Map<string, CrashFields> {
  return new Map(rows.map((row) => [row["code"] ?? "", row]));
}

/** [I4] One thing is at most one live record per side, at the end and at every moment before. */
export function checkTwins({ sides }: Evidence): Violation[] {
  return sides.flatMap((side) =>
    [...chainsOf(side)].flatMap(([code, chain]) => {
      let live = 0;
      let most = 0;
      for (const { kind } of chain) {
        live += kind === "insert" ? 1 : kind === "delete" ? -1 : 0;
        most = Math.max(most, live);
      }
      return most > 1 ? [{ rule: "I4" as const, what: `${code} had ${most} records at ${side.name} at once` }] : [];
    }),
  );
}

/** [I5] Nothing dies without a user's delete, nothing comes back without a user's concurrent edit. */
export function checkDeletes(evidence: Evidence): Violation[] {
  const chains = evidence.sides.map(chainsOf);
  const codes = new Set(chains.flatMap((chain) => [...chain.keys()]));
  const found: Violation[] = [];
  for (const code of codes) {
    const [left = [], right = []] = chains.map((chain) => chain.get(code) ?? []);
    const isDeleted = [...left, ...right].some(({ kind, operation }) => kind === "delete" && operation !== null);
    const live = evidence.sides.filter(({ rows }) => rows.some((row) => row["code"] === code));
    if (!isDeleted && live.length < 2) {
      found.push({ rule: "I5", what: `${code} is ${live.length === 0 ? "gone" : `only at ${live[0]?.name}`} and no user deleted it` });
    }
    if (isDeleted && live.length > 0 && !hasReason(left, right) && !hasReason(right, left)) {
      found.push({ rule: "I5", what: `${code} was deleted and is there again, though no user edited it meanwhile` });
    }
  }
  return found;
}

/** Whether a user at one side wrote what the deleting side had not been shown when its user deleted the thing. */
function hasReason(deleting: readonly HistoryRow[], editing: readonly HistoryRow[]): boolean {
  return deleting.some((end, at) => {
    if (end.kind !== "delete" || end.operation === null) return false;
    const shown = deleting.slice(0, at);
    return editing.some(
      (edit) =>
        edit.operation !== null &&
        edit.after !== null &&
        MAPPED.some((field) => {
          const value = edit.after?.[field];
          return (
            field !== "code" && field !== COUNTER && value !== edit.before?.[field] && !shown.some(({ after }) => after?.[field] === value)
          );
        }),
    );
  });
}

/** [I8] A counter is what it began with and all that users added and took at every side. Things that a user deleted are left out: their counts died. */
export function checkCounters(evidence: Evidence): Violation[] {
  const found: Violation[] = [];
  const chains = evidence.sides.map(chainsOf);
  const ends = evidence.sides.map(({ rows }) => byCode(rows));
  for (const code of new Set(chains.flatMap((chain) => [...chain.keys()]))) {
    const changes = chains.flatMap((chain) => chain.get(code) ?? []);
    if (changes.some(({ kind, operation }) => kind === "delete" && operation !== null)) continue;
    const byUsers = changes.filter(({ operation }) => operation !== null);
    const begun = Number(byUsers.find(({ kind }) => kind === "insert")?.after?.[COUNTER] ?? 0);
    const added = byUsers
      .filter(({ kind }) => kind === "update")
      .reduce((sum, { before, after }) => sum + Number(after?.[COUNTER]) - Number(before?.[COUNTER]), 0);
    evidence.sides.forEach(({ name }, index) => {
      const shown = ends[index]?.get(code)?.[COUNTER];
      if (shown !== undefined && Number(shown) !== begun + added)
        found.push({ rule: "I8", what: `${code} counts ${shown} at ${name}, users made it ${begun + added}` });
    });
  }
  return found;
}

/** [I12] Accord leaves alone what no field maps. */
export function checkPrivate({ sides }: Evidence): Violation[] {
  return sides.flatMap(({ name, history }) =>
    history.flatMap(({ operation, before, after }) => {
      if (operation !== null || after === null || (before?.[PRIVATE] ?? null) === after[PRIVATE]) return [];
      return [
        {
          rule: "I12" as const,
          what: `${after["code"]} at ${name}: the unmapped column went from ${before?.[PRIVATE]} to ${after[PRIVATE]}`,
        },
      ];
    }),
  );
}

/** [I6] Once quiet, Accord writes nothing more; and it never wrote more often than users did, but for a constant. */
export function checkQuiet(evidence: Evidence, constant: number): Violation[] {
  const found = evidence.sides.flatMap(({ name, history, quietFrom }) =>
    history
      .filter(({ operation, sequence }) => operation === null && sequence > quietFrom)
      .map(({ kind, before, after }): Violation => ({
        rule: "I6",
        what: `${kind} at ${name} after all was quiet: ${JSON.stringify(before)} → ${JSON.stringify(after)}`,
      })),
  );
  const all = evidence.sides.flatMap(({ history }) => history);
  const writes = all.filter(({ operation }) => operation === null).length;
  const edits = all.length - writes;
  if (writes > edits + constant) found.push({ rule: "I6", what: `Accord wrote ${writes} times for ${edits} edits of users` });
  return found;
}

/** The users' own log and the databases tell the same story; and the story ends with what the tables hold. Else no other check means anything. */
export function checkLog(evidence: Evidence): Violation[] {
  const found: Violation[] = [];
  for (const side of evidence.sides) {
    const lines = new Map(evidence.log.filter((line) => line.side === side.name).map((line) => [line.sequence, line]));
    const byUsers = side.history.filter(({ operation }) => operation !== null);
    for (const row of byUsers) {
      const line = lines.get(row.sequence);
      if (line === undefined) found.push({ rule: "log", what: `${side.name} holds the write ${row.operation}, which no user logged` });
      else if (sameFields(line.after, row.after) && sameFields(line.before, row.before)) lines.delete(row.sequence);
    }
    for (const line of lines.values())
      found.push({ rule: "log", what: `${side.name} has lost or changed the committed write ${line.operation}` });
    found.push(...checkStory(side));
  }
  return found;
}

function checkStory(side: SideEvidence): Violation[] {
  const ends = byCode(side.rows);
  return [...chainsOf(side)].flatMap(([code, chain]) => {
    const last = chain.at(-1);
    return sameFields(last?.after ?? null, ends.get(code) ?? null)
      ? []
      : [{ rule: "log" as const, what: `the history of ${code} at ${side.name} does not end with its row` }];
  });
}

function sameFields(a: CrashFields | null, b: CrashFields | null): boolean {
  if (a === null || b === null) return a === b;
  return [...MAPPED, PRIVATE].every((field) => (a[field] ?? null) === (b[field] ?? null));
}
