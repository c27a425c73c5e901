/* oxlint-disable eslint/max-lines-per-function -- a chapter is a list of tests */
import { overlayImage } from "@accord/core";
import type { NativeImage, RecordId } from "@accord/core";
import type { Change, OpenObject, Position } from "@accord/engine/connector";
import fc from "fast-check";
import { expect } from "vitest";
import type { Rule } from "./rule.ts";
import { fieldsOf } from "./stage.ts";
import type { Stage } from "./stage.ts";

/** Positions: what a listing, a reading or a write covers, and nothing else. [S57] */
export function coversRules(rule: Rule): void {
  rule("[S57] a listing and a reading cover the changes before them and none after them", ["log"], async (stage) => {
    const object = await stage.installed();
    const feed = await stage.watch(object);
    const id = await stage.customer({ note: "before" });
    const positions: Position[] = [(await object.read([id], stage.options)).position];
    for await (const page of object.list(null, { ...stage.options, pageSize: 10 })) positions.push(page.position);
    await stage.updateCustomer(id, { note: "after" });
    const [before, after] = positionsOf(await stage.drain(feed));
    expect(positions).toHaveLength(2);
    for (const known of positions) expect([object.covers(known, before ?? ""), object.covers(known, after ?? "")]).toEqual([true, false]);
  });

  rule("[S57] each page of a listing covers what its own images include", ["log"], async (stage) => {
    const object = await stage.installed();
    const ids: RecordId[] = [];
    for (let index = 0; index < 6; index += 1) ids.push(await stage.customer({ note: "0" }));
    const feed = await stage.watch(object);
    const known = new Map<RecordId, Known>();
    let round = 0;
    for await (const page of object.list(null, { ...stage.options, pageSize: 2 })) {
      for (const [index, id] of page.ids.entries()) known.set(id, { image: page.images[index] ?? null, position: page.position });
      round += 1;
      for (const id of ids) await stage.updateCustomer(id, { note: String(round) });
    }
    for (const { record, change } of await stage.drain(feed)) {
      const state = known.get(record);
      if (change.kind !== "image" || state === undefined || state.image === null) continue;
      const isIncluded = Number(fieldsOf(object, state.image)["note"]) >= Number(fieldsOf(object, change.image)["note"]);
      expect(object.covers(state.position ?? "", change.position)).toBe(isIncluded);
    }
  });

  rule(
    "[S57] a write covers itself and what users did before it, and nothing that they do later",
    ["log", "returned position"],
    async (stage) => {
      const object = await stage.installed();
      const id = await stage.customer({ note: "0" });
      const feed = await stage.watch(object);
      await stage.updateCustomer(id, { note: "1" });
      const written = await stage.applied(object, stage.update(object, id, { name: "Bea" }));
      await stage.updateCustomer(id, { note: "2" });
      const removed = await stage.applied(object, stage.delete(object, id));
      const changes = positionsOf(await stage.drain(feed));
      expect(changes.map((change) => object.covers(written.position ?? "", change))).toEqual([true, true, false, false]);
      expect(changes.map((change) => object.covers(removed.position ?? "", change))).toEqual([true, true, true, true]);
    },
  );

  rule("[S57] every write of a batch covers its own echo", ["log", "returned position"], async (stage) => {
    const object = await stage.installed();
    const feed = await stage.watch(object);
    const outcomes = await stage.write(
      object,
      Array.from({ length: 40 }, (_, index) => stage.create(object, { name: `c${index}` })),
    );
    const positions = new Map(outcomes.map((outcome) => (outcome.kind === "applied" ? [outcome.record, outcome.position] : ["", null])));
    const changes = await stage.drain(feed);
    expect(changes).toHaveLength(40);
    for (const { record, change } of changes) {
      if (change.kind === "image") expect(object.covers(positions.get(record) ?? "", change.position)).toBe(true);
    }
  });

  rule(
    "[S57] an image of the feed covers itself and those before it, not those after it, so that replays are known",
    ["log"],
    async (stage) => {
      const object = await stage.installed();
      const feed = await stage.watch(object);
      const id = await stage.customer({ note: "0" });
      for (let index = 1; index < 4; index += 1) await stage.updateCustomer(id, { note: String(index) });
      await stage.user.delete("customers", [id]);
      const positions = positionsOf(await stage.drain(feed));
      expect(positions).toHaveLength(5);
      for (const [a, known] of positions.entries())
        for (const [b, change] of positions.entries()) expect(object.covers(known, change), `${a} covers ${b}`).toBe(b <= a);
    },
  );

  rule("[S57] a reading does not cover a change whose transaction was open when it was made", ["log", "hold"], async (stage) => {
    const object = await stage.installed();
    const id = await stage.customer({ note: "old" });
    const feed = await stage.watch(object);
    const held = await stage.user.hold?.();
    await held?.update("customers", [id], { note: "held" });
    // Others commit after the held row was written, so that its place in the log is well below that of the reading.
    for (let index = 0; index < 5; index += 1) await stage.customer({ name: `other ${index}` });
    const early = await object.read([id], stage.options);
    const listed: Position[] = [];
    for await (const page of object.list(null, { ...stage.options, pageSize: 100 })) listed.push(page.position);
    await held?.commit();
    const late = await object.read([id], stage.options);
    const change = (await stage.drain(feed)).find(({ record }) => record === id)?.change;
    if (change?.kind !== "image") throw new Error("The feed did not show the held change.");
    expect(fieldsOf(object, early.images[0] ?? "")["note"]).toBe("old");
    for (const known of [early.position, ...listed]) expect(object.covers(known, change.position)).toBe(false);
    expect(object.covers(late.position, change.position)).toBe(true);
  });

  rule(
    "[S57] readings and writes cover the hints of what they include, and of nothing later",
    ["numbered hints", "returned position"],
    async (stage) => {
      const object = await stage.installed();
      const feed = await stage.watch(object);
      const id = await stage.customer({ note: "0" });
      const first = (await object.read([id], stage.options)).position;
      const inserted = positionsOf(await stage.drain(feed));
      const second = (await stage.applied(object, stage.update(object, id, { name: "Bea" }))).position ?? "";
      const written = positionsOf(await stage.drain(feed));
      await stage.updateCustomer(id, { note: "1" });
      const updated = positionsOf(await stage.drain(feed));
      const third = (await object.read([id], stage.options)).position;
      const changes = [inserted, written, updated];
      expect(changes.map(({ length }) => length)).toEqual([1, 1, 1]);
      const covered = (known: Position): boolean[] => changes.map(([change]) => object.covers(known, change ?? ""));
      expect([covered(first), covered(second), covered(third)]).toEqual([
        [true, false, false],
        [true, true, false],
        [true, true, true],
      ]);
    },
  );

  rule(
    "[S57] a reading does not cover the hint of a transaction that was open when it was made",
    ["numbered hints", "hold"],
    async (stage) => {
      const object = await stage.installed();
      const id = await stage.customer({ note: "old" });
      const feed = await stage.watch(object);
      const held = await stage.user.hold?.();
      await held?.update("customers", [id], { note: "held" });
      await stage.customer({ name: "other" });
      const early = await object.read([id], stage.options);
      await held?.commit();
      const late = await object.read([id], stage.options);
      const hints = positionsOf((await stage.drain(feed)).filter(({ record }) => record === id));
      expect(hints.length).toBeGreaterThan(0);
      for (const hint of hints) expect([object.covers(early.position, hint), object.covers(late.position, hint)]).toEqual([false, true]);
    },
  );

  rule(
    "[S57, I2] however edits, readings, listings, writes and the feed interleave, newest-by-covers ends at the truth and never steps back",
    ["feed"],
    async (stage) => {
      const object = await stage.installed();
      const cast = new Cast(stage, object);
      await cast.start();
      await fc.assert(
        fc.asyncProperty(fc.array(stepArbitrary, { minLength: 5, maxLength: 40 }), (steps) => cast.play(steps)),
        { numRuns: stage.facts.propertyRuns ?? 30, endOnFailure: true },
      );
    },
  );
}

function positionsOf(changes: readonly Change[]): Position[] {
  return changes.flatMap(({ change }) => (change.kind === "emptied" ? [] : (change.position ?? [])));
}

interface Known {
  readonly image: NativeImage | null;
  readonly position: Position | null;
}

type Step =
  | { readonly kind: "raise" | "annotate" | "remove" | "write" | "read"; readonly who: number }
  | { readonly kind: "add" | "list" | "consume" };

const stepArbitrary: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ kind: fc.constantFrom("raise", "annotate", "write", "read"), who: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("remove"), who: fc.nat(3) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom("add", "list", "consume") }) },
);

/** Plays a story on one object, holding what an engine would hold of each record. */
class Cast {
  readonly #stage: Stage;
  readonly #object: OpenObject;
  readonly #known = new Map<RecordId, Known>();
  readonly #amounts = new Map<RecordId, number>();
  readonly #unfinished: Promise<unknown>[] = [];
  #ids: RecordId[] = [];
  #feed: Awaited<ReturnType<Stage["follow"]>> | null = null;
  #counter = 0;

  constructor(stage: Stage, object: OpenObject) {
    this.#stage = stage;
    this.#object = object;
  }

  async start(): Promise<void> {
    this.#feed = await this.#stage.follow([this.#object], await this.#stage.cursor());
  }

  async play(steps: readonly Step[]): Promise<void> {
    this.#ids = [];
    for (let index = 0; index < 4; index += 1) await this.#add();
    for (const step of steps) await this.#do(step);
    await Promise.all(this.#unfinished.splice(0));
    const feed = this.#feed;
    if (feed === null) throw new Error("The story has not started.");
    for (const change of await this.#stage.drain(feed)) await this.#absorbChange(change);
    const truth = await this.#object.read(this.#ids, this.#stage.options);
    for (const [index, id] of this.#ids.entries()) expect(this.#known.get(id)?.image ?? null, `record ${id}`).toBe(truth.images[index]);
  }

  async #do(step: Step): Promise<void> {
    const id = "who" in step ? (this.#ids[step.who % this.#ids.length] ?? "") : "";
    switch (step.kind) {
      case "add":
        return this.#add();
      case "raise":
        // Amounts rise with every edit that is waited for, so that an older image shows itself.
        this.#counter += 1;
        return this.#stage.updateCustomer(id, { amount: String(this.#counter) });
      case "annotate":
        // Not waited for: runs beside whatever comes next.
        this.#counter += 1;
        this.#unfinished.push(this.#stage.updateCustomer(id, { note: `n${this.#counter}` }));
        return undefined;
      case "remove":
        return this.#stage.user.delete("customers", [id]);
      case "read":
        return this.#read(id);
      case "write":
        return this.#write(id);
      case "list":
        return this.#list();
      case "consume":
        return this.#consume();
    }
  }

  async #add(): Promise<void> {
    this.#counter += 1;
    this.#ids.push(await this.#stage.customer({ amount: String(this.#counter) }));
  }

  async #read(id: RecordId): Promise<void> {
    const { images, position } = await this.#object.read([id], this.#stage.options);
    this.#take(id, images[0] ?? null, position);
  }

  async #list(): Promise<void> {
    for await (const page of this.#object.list(null, { ...this.#stage.options, pageSize: 1000 })) {
      for (const [index, id] of page.ids.entries()) this.#take(id, page.images[index] ?? null, page.position);
    }
  }

  async #write(id: RecordId): Promise<void> {
    const image = this.#known.get(id)?.image ?? null;
    if (image === null) return this.#read(id);
    const { compareAndSet } = this.#stage.facts;
    const expected = compareAndSet ? { amount: fieldsOf(this.#object, image)["amount"] ?? null } : {};
    this.#counter += 1;
    const outcome = await this.#stage.writeOne(this.#object, this.#stage.update(this.#object, id, { name: `w${this.#counter}` }, expected));
    if (outcome.kind === "applied" && outcome.image !== null && outcome.position !== null)
      return this.#take(id, outcome.image, outcome.position);
    return this.#read(id);
  }

  async #consume(): Promise<void> {
    const batch = await this.#feed?.next({ ...this.#stage.options, waitMs: 2, changesMax: 5 });
    for (const change of batch?.changes ?? []) await this.#absorbChange(change);
  }

  /** As the engine does: what the known position covers is old news; what is not, is newer. */
  async #absorbChange({ record, change }: Change): Promise<void> {
    const position = change.kind === "emptied" ? null : (change.position ?? null);
    const known = this.#known.get(record);
    if (known !== undefined && known.position !== null && position !== null && this.#object.covers(known.position, position)) return;
    if (position === null || (change.kind !== "image" && change.kind !== "deleted")) return this.#read(record);
    if (change.kind === "deleted") return this.#take(record, null, position);
    if (known === undefined && change.image.includes("\\U")) return this.#read(record);
    this.#take(record, overlayImage(known?.image ?? "", change.image), position);
  }

  #take(id: RecordId, image: NativeImage | null, position: Position): void {
    const before = this.#known.get(id);
    if (image !== null) {
      const amount = Number(fieldsOf(this.#object, image)["amount"] ?? "0");
      expect(amount, `the amount of record ${id} steps back`).toBeGreaterThanOrEqual(this.#amounts.get(id) ?? 0);
      expect(before?.image !== null || before === undefined, `record ${id} comes back from the dead`).toBe(true);
      this.#amounts.set(id, amount);
    }
    this.#known.set(id, { image, position });
  }
}
