import { cutting, OWNER, smallSync, SmallWorld } from "@accord/testkit";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { SyncModel } from "../entity/sync-model.ts";
import { integerType } from "../value/integer.ts";
import { setElements, setText, setType } from "../value/set.ts";
import { textType } from "../value/text.ts";

const NAME = 0;
const CODE = 1;
const NOTE = 2;
const STOCK = 3;
const TAGS = 4;
const STAGE = 5;
const CREDIT = 6;
const NEWEST = 7;
const TEXT = 8;
const START = ["name", "code", "note", "100", setText(["a", "b"]), "1", "credit", "newest", "one two three", "rest"];
const STEPS = ["1", "2", "3", "4"];
/** Columns whose edits are words that occur once, so that each can be looked for. */
const WORDS = [NAME, CODE, NOTE, CREDIT, NEWEST];

/** One field of each policy; side 1 cuts `code` after four characters; only side 0 may write `credit`. */
function model(sides: number): SyncModel {
  return smallSync(
    {
      name: { policy: { ...OWNER, ranks: [1, 0] } as typeof OWNER },
      code: { sides: { 1: cutting(4) } },
      note: { policy: { kind: "review" } },
      stock: { type: integerType, policy: { kind: "counter", floor: null } },
      tags: { type: setType(textType), policy: { kind: "set" } },
      stage: { type: textType, policy: { kind: "ladder", direction: "up", steps: STEPS } },
      credit: { writers: [0] },
      newest: { policy: { kind: "newest", ranks: [], clockSkewMs: 100 } },
      text: { policy: { kind: "text" } },
    },
    { sides },
  );
}

type Step =
  | { readonly kind: "edit"; readonly side: number; readonly column: number; readonly choice: number }
  | { readonly kind: "absorb"; readonly side: number }
  | { readonly kind: "push"; readonly side: number; readonly meanwhile: boolean };

const side = fc.nat({ max: 3 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("edit"), side, column: fc.nat({ max: TEXT }), choice: fc.nat({ max: 5 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("absorb"), side }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("push"), side, meanwhile: fc.boolean() }) },
);
const story = fc.record({ sides: fc.integer({ min: 2, max: 4 }), steps: fc.array(step, { maxLength: 40 }) });

/** What users did, kept apart from what the engine says of it. */
class Chronicle {
  readonly world: SmallWorld;
  readonly sides: number;
  edits = 0;
  added = 0;
  readonly #pending = new Map<string, string>();
  readonly accepted = new Set<string>();

  constructor(sides: number) {
    this.sides = sides;
    this.world = new SmallWorld(model(sides), START);
  }

  play(steps: readonly Step[]): void {
    for (const next of steps) this.#play(next);
    this.world.settle();
    for (const word of this.#pending.values()) this.accepted.add(word);
  }

  #play(next: Step): void {
    const at = next.side % this.sides;
    if (next.kind === "edit") this.edit(at, next.column, next.choice);
    if (next.kind === "absorb") {
      this.#accept(at);
      this.world.absorb(at);
    }
    if (next.kind === "push") {
      const meanwhile = next.meanwhile ? () => this.edit(at, NEWEST, 1) : undefined;
      // What stands in the record is read where a write was made or refused, and only there.
      if (this.world.push(at, meanwhile)) this.#accept(at);
    }
  }

  /** What stands in the record now is there to be read: it must not be lost. */
  #accept(at: number): void {
    for (const [place, word] of this.#pending) if (place.startsWith(`${at}:`)) this.accepted.add(word);
  }

  edit(at: number, column: number, choice: number): void {
    const cell = this.world.cell(at, column) ?? "";
    this.edits += 1;
    const text = this.#next(at, column, choice, cell);
    if (WORDS.includes(column)) this.#pending.set(`${at}:${column}`, text);
    this.world.edit(at, column, text);
  }

  #next(at: number, column: number, choice: number, cell: string): string {
    if (column === STOCK) {
      this.added += choice - 2;
      return String(Number(cell) + choice - 2);
    }
    if (column === TAGS) {
      const tag = "abcdef"[choice] ?? "a";
      const tags = setElements(cell);
      return setText(tags.includes(tag) ? tags.filter((other) => other !== tag) : [...tags, tag]);
    }
    if (column === STAGE) return STEPS[choice % STEPS.length] ?? "1";
    if (column === TEXT)
      return cell
        .split(" ")
        .map((word, place) => (place === choice % 3 ? `w${this.edits}` : word))
        .join(" ");
    return column === CODE && choice > 2 && at !== 1 ? `${this.edits}!long` : `${this.edits}!`;
  }
}

function run(sides: number, steps: readonly Step[]): Chronicle {
  const chronicle = new Chronicle(sides);
  chronicle.play(steps);
  return chronicle;
}

const SETTINGS = { numRuns: 400 };

describe("whatever users do and in whatever order it is seen", () => {
  test("[I1] every side shows the canonical value in the end, in its own image", () => {
    fc.assert(
      fc.property(story, ({ sides, steps }) => {
        const { world } = run(sides, steps);
        for (const [column, field] of world.entity.fields.entries()) {
          if (field.review !== null || field.value === undefined) continue;
          for (let at = 0; at < sides; at += 1) {
            const expected = column === CODE && at === 1 ? (field.value ?? "").slice(0, 4) : field.value;
            expect([column, at, world.cell(at, column)]).toEqual([column, at, expected]);
          }
        }
      }),
      SETTINGS,
    );
  });

  test("[I2] no edit that stood to be read is lost: it was taken, is listed as lost, or waits in a review", () => {
    fc.assert(
      fc.property(story, ({ sides, steps }) => {
        const { world, accepted } = run(sides, steps);
        const told = JSON.stringify([world.events, world.entity]);
        for (const word of accepted) expect(told).toContain(`"${word}"`);
      }),
      SETTINGS,
    );
  });

  test("[I6] writes end, are bounded by the edits, and another sweep makes none", () => {
    fc.assert(
      fc.property(story, ({ sides, steps }) => {
        const { world, edits } = run(sides, steps);
        const writes = world.writes.length;
        expect(writes).toBeLessThanOrEqual(sides * edits);
        world.settle(2);
        expect(world.writes.length).toBe(writes);
      }),
      SETTINGS,
    );
  });

  test("[I8] a count is what it was plus all that users added", () => {
    fc.assert(
      fc.property(story, ({ sides, steps }) => {
        const { world, added } = run(sides, steps);
        expect(world.entity.fields[STOCK]?.value).toBe(String(100 + added));
      }),
      SETTINGS,
    );
  });

  test("[S13, S25] the same story gives the same state", () => {
    fc.assert(
      fc.property(story, ({ sides, steps }) => {
        const first = run(sides, steps);
        const second = run(sides, steps);
        expect([second.world.entity, second.world.events]).toEqual([first.world.entity, first.world.events]);
      }),
      { numRuns: 100 },
    );
  });

  test("[I6, S15] systems that alter what they are given cause no writes without end", () => {
    fc.assert(
      fc.property(story, ({ sides, steps }) => {
        const world = new SmallWorld(model(sides), START, (at, column, cell) => (at === 1 && column < STOCK ? `${cell ?? ""}~` : cell));
        for (const next of steps) {
          if (next.kind === "edit" && next.column < STOCK) world.edit(next.side % sides, next.column, `${next.choice}`);
          if (next.kind === "absorb") world.absorb(next.side % sides);
          if (next.kind === "push") world.push(next.side % sides);
        }
        world.settle();
        const writes = world.writes.length;
        world.settle(2);
        expect(world.writes.length).toBe(writes);
      }),
      SETTINGS,
    );
  });
});

describe("where order does not matter", () => {
  const round = fc.record({
    sides: fc.integer({ min: 2, max: 4 }),
    edits: fc.array(fc.record({ side, column: fc.constantFrom(NAME, CREDIT, STOCK, TAGS, STAGE), choice: fc.nat({ max: 5 }) }), {
      maxLength: 6,
    }),
    order: fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4, maxLength: 4 }),
  });

  test("[S17, S19, S20, S21, S25, S55] concurrent edits end the same, whichever is seen first", () => {
    fc.assert(
      fc.property(round, ({ sides, edits, order }) => {
        const outcomes = [[0, 1, 2, 3], order].map((seen) => {
          const chronicle = new Chronicle(sides);
          for (const edit of edits) chronicle.edit(edit.side % sides, edit.column, edit.choice);
          for (const at of seen) if (at < sides) chronicle.world.absorb(at);
          chronicle.world.settle();
          return [NAME, CREDIT, STOCK, TAGS, STAGE].map((column) => chronicle.world.entity.fields[column]?.value);
        });
        expect(outcomes[1]).toEqual(outcomes[0]);
      }),
      { numRuns: 1000 },
    );
  });

  test("[S25] sides that made the same edit agree under every policy, and nothing is written: p(b, x, x) = x", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(NAME, NOTE, TAGS, STAGE, NEWEST, TEXT),
        fc.nat({ max: 5 }),
        fc.integer({ min: 2, max: 4 }),
        (column, choice, sides) => {
          const chronicle = new Chronicle(sides);
          chronicle.edit(0, column, choice);
          const cell = chronicle.world.cell(0, column) ?? null;
          for (let at = 1; at < sides; at += 1) chronicle.world.edit(at, column, cell);
          chronicle.world.settle();
          expect(chronicle.world.entity.fields[column]).toMatchObject({ value: cell, review: null });
          expect(chronicle.world.writes).toEqual([]);
        },
      ),
    );
  });
});
