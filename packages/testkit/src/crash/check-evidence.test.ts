import { expect, test } from "vitest";
import { checkEvidence } from "./check-evidence.ts";
import type { CrashFields, Evidence, HistoryRow, LostValue, SideEvidence, UserLine } from "./evidence.ts";

/** A story told change by change, as the triggers of two databases would write it down; the users' log follows from it. */
class Story {
  readonly #history: readonly [HistoryRow[], HistoryRow[]] = [[], []];
  readonly #quiet: [number, number] = [999, 999];
  readonly #dropped = new Set<string>();
  conflicts: LostValue[] = [];

  user(side: 0 | 1, kind: HistoryRow["kind"], changed: CrashFields): this {
    return this.#change(side, kind, changed, `user-${this.#history[0].length}-${this.#history[1].length}`);
  }

  accord(side: 0 | 1, kind: HistoryRow["kind"], changed: CrashFields): this {
    return this.#change(side, kind, changed, null);
  }

  /** What Accord writes at this side from now on breaks the quiet. */
  quiet(side: 0 | 1): this {
    this.#quiet[side] = this.#history[side].length;
    return this;
  }

  /** The last user's write of this side is missing in the users' log. */
  unlogged(side: 0 | 1): this {
    this.#dropped.add(this.#history[side].at(-1)?.operation ?? "");
    return this;
  }

  evidence(): Evidence {
    const log = this.#history.flatMap((rows, side) =>
      rows.flatMap(({ operation, sequence, kind, before, after }): UserLine[] =>
        operation === null || this.#dropped.has(operation) ? [] : [{ operation, side: NAMES[side] ?? "", sequence, kind, before, after }],
      ),
    );
    return { sides: [this.#side(0), this.#side(1)], log, conflicts: this.conflicts };
  }

  #side(side: 0 | 1): SideEvidence {
    const ends = new Map<string, CrashFields | null>();
    for (const { before, after } of this.#history[side]) ends.set((after ?? before)?.["code"] ?? "", after);
    return {
      name: NAMES[side] ?? "",
      rows: [...ends.values()].filter((row) => row !== null),
      history: this.#history[side],
      metAt: 0,
      quietFrom: this.#quiet[side],
    };
  }

  #change(side: 0 | 1, kind: HistoryRow["kind"], changed: CrashFields, operation: string | null): this {
    const rows = this.#history[side];
    const code = changed["code"] ?? "T1";
    const before = kind === "insert" ? null : (rows.findLast((row) => (row.after ?? row.before)?.["code"] === code)?.after ?? null);
    const after = kind === "delete" ? null : { ...EMPTY, ...before, code, ...changed };
    rows.push({ sequence: rows.length + 1, operation, kind, before, after });
    return this;
  }
}

const NAMES = ["left", "right"];
const EMPTY: CrashFields = { code: null, name: null, city: null, note: null, points: "0", private: null };

/** A thing made at the left and brought to the right. */
function begun(): Story {
  return new Story().user(0, "insert", { name: "n1" }).accord(1, "insert", { name: "n1" });
}

function rulesBroken(story: Story): string[] {
  return [...new Set(checkEvidence(story.evidence()).map(({ rule }) => rule))].toSorted();
}

test("a story in which all went well is clean: an edit, a delete, a count at both sides, a conflict that the log shows", () => {
  const story = begun()
    .user(0, "update", { name: "n2" })
    .accord(1, "update", { name: "n2" })
    .user(0, "update", { points: "3" })
    .user(1, "update", { points: "5" })
    .accord(0, "update", { points: "8" })
    .accord(1, "update", { points: "8" })
    .user(0, "update", { city: "left wins" })
    .user(1, "update", { city: "right loses" })
    .accord(1, "update", { city: "left wins" })
    .user(1, "update", { private: "own" })
    .user(1, "insert", { code: "M2", name: "m" })
    .accord(0, "insert", { code: "M2", name: "m" })
    .user(0, "delete", { code: "M2" })
    .accord(1, "delete", { code: "M2" });
  story.conflicts = [{ field: "city", value: "right loses" }];
  expect(checkEvidence(story.evidence())).toEqual([]);
});

test("[I1] sides that differ, and a thing that one side lacks, are found", () => {
  expect(rulesBroken(begun().user(0, "update", { name: "n2" }))).toEqual(["I1"]);
  expect(rulesBroken(new Story().user(0, "insert", { name: "n1" }))).toEqual(["I1", "I5"]);
});

test("[I2] a user's value that Accord overwrote is found, unless a later user replaced it knowingly or the conflict log shows it", () => {
  const overwritten = (): Story =>
    begun().user(1, "update", { name: "n2" }).user(0, "update", { name: "n3" }).accord(1, "update", { name: "n3" });
  expect(rulesBroken(overwritten())).toEqual(["I2"]);
  const shown = overwritten();
  shown.conflicts = [{ field: "name", value: "n2" }];
  expect(rulesBroken(shown)).toEqual([]);
  const known = begun()
    .user(1, "update", { name: "n2" })
    .accord(0, "update", { name: "n2" })
    .user(0, "update", { name: "n3" })
    .accord(1, "update", { name: "n3" });
  expect(rulesBroken(known)).toEqual([]);
});

/** The thing is deleted at the left, and the conflict log shows what the right has lost. */
function deletedAfter(story: Story): Story {
  story.user(0, "delete", {}).accord(1, "delete", {});
  story.conflicts = [{ field: "city", value: "right loses" }];
  return story;
}

test("[I2] a value that lost to a user's of the other side dies with the thing that is deleted there; one that met no rival may not", () => {
  const rival = begun().user(1, "update", { city: "right loses" }).user(0, "update", { city: "left wins" });
  expect(rulesBroken(deletedAfter(rival))).toEqual([]);
  expect(rulesBroken(deletedAfter(begun().user(1, "update", { city: "right loses" })))).toEqual(["I2"]);
});

test("[I2] the conflict log excuses nothing that was no conflict: a value that no user of the other side wrote may not win", () => {
  const story = begun().user(1, "update", { name: "n2" }).accord(1, "update", { name: "n1" });
  story.conflicts = [{ field: "name", value: "n2" }];
  expect(rulesBroken(story)).toContain("I3");
  const unknown = begun()
    .user(1, "update", { name: "n2" })
    .accord(1, "update", { name: "made up" })
    .accord(0, "update", { name: "made up" });
  unknown.conflicts = [{ field: "name", value: "n2" }];
  expect(rulesBroken(unknown)).toEqual(["I2", "I3"]);
});

test("[I2] a delete that takes an unseen edit with it is found", () => {
  expect(rulesBroken(begun().user(1, "update", { name: "n2" }).user(0, "delete", {}).accord(1, "delete", {}))).toEqual(["I2"]);
  const seen = begun().user(1, "update", { name: "n2" }).accord(0, "update", { name: "n2" }).user(0, "delete", {}).accord(1, "delete", {});
  expect(rulesBroken(seen)).toEqual([]);
});

test("[I3] an invented value, and an old one brought back, are found", () => {
  expect(rulesBroken(begun().accord(1, "update", { city: "made up" }).accord(0, "update", { city: "made up" }))).toEqual(["I3"]);
  const reverted = begun()
    .user(0, "update", { name: "n2" })
    .accord(1, "update", { name: "n2" })
    .accord(1, "update", { name: "n1" })
    .accord(0, "update", { name: "n1" });
  expect(rulesBroken(reverted)).toEqual(["I2", "I3"]);
});

test("[I4] a twin is found even if it is gone in the end", () => {
  const twin = begun()
    .accord(1, "insert", { name: "n1" })
    .accord(1, "delete", {})
    .accord(1, "insert", { name: "n1" })
    .accord(1, "delete", {})
    .accord(1, "insert", { name: "n1" });
  expect(rulesBroken(twin)).toEqual(["I4"]);
});

test("[I5] a death that no user caused, and a thing that came back by itself, are found", () => {
  expect(rulesBroken(begun().accord(0, "delete", {}).accord(1, "delete", {}))).toEqual(["I2", "I5"]);
  expect(rulesBroken(begun().user(0, "delete", {}).accord(0, "insert", { name: "n1" }))).toEqual(["I5"]);
  const revived = begun().user(1, "update", { name: "n2" }).user(0, "delete", {}).accord(0, "insert", { name: "n2" });
  expect(rulesBroken(revived)).toEqual([]);
});

test("[I6] a write after all was quiet is found", () => {
  expect(rulesBroken(begun().quiet(1).accord(1, "update", { name: "n1" }))).toEqual(["I6"]);
  const busy = begun();
  for (let write = 0; write < 200; write += 1) busy.accord(1, "update", {});
  expect(rulesBroken(busy)).toEqual(["I6"]);
});

test("[I8] a count that is not the sum of what users did is found, though both sides agree on it", () => {
  const doubled = begun().user(0, "update", { points: "2" }).accord(1, "update", { points: "4" }).accord(0, "update", { points: "4" });
  expect(rulesBroken(doubled)).toEqual(["I8"]);
});

test("[I12] a write to a column that no field maps is found", () => {
  expect(rulesBroken(begun().accord(1, "update", { private: "touched" }))).toEqual(["I12"]);
});

test("a committed write that is in the database or in the users' log alone is found", () => {
  expect(rulesBroken(begun().user(0, "update", { private: "x" }).unlogged(0))).toEqual(["log"]);
  const evidence = begun().evidence();
  const phantom: UserLine = { operation: "user-x", side: "right", sequence: 77, kind: "update", before: null, after: EMPTY };
  expect(checkEvidence({ ...evidence, log: [...evidence.log, phantom] }).map(({ rule }) => rule)).toEqual(["log"]);
});
