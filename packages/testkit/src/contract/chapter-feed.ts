/* oxlint-disable eslint/max-lines-per-function -- a chapter is a list of tests */
import { expect } from "vitest";
import type { Change, Cursor } from "@accord/engine/connector";
import type { Rule } from "./rule.ts";
import { failure, idOf } from "./stage.ts";
import { ODD_CUSTOMERS, ODD_KEY_PARTS } from "./values.ts";

/** The change feed. */
export function feedRules(rule: Rule): void {
  rule("[S60] a feed needs what install makes, and says so", [], async (stage) => {
    const object = await stage.open("customers");
    const error = await failure(stage.cursor().then((cursor) => stage.follow([object], cursor)));
    expect([error.code, error.remedy]).toEqual(["ACCORD_NOT_INSTALLED", "stop"]);
  });

  rule("[S7] a feed shows every insert, update and delete after its cursor, in order", ["feed"], async (stage) => {
    const object = await stage.installed();
    const before = await stage.customer({ name: "before" });
    const feed = await stage.watch(object);
    const id = await stage.customer({ name: "Bea" });
    await stage.updateCustomer(id, { note: "n" });
    await stage.user.delete("customers", [id]);
    await stage.updateCustomer(before, { note: "m" });
    const changes = await stage.drain(feed);
    if (stage.facts.capture === "log") {
      expect(changes.map(({ record, change }) => [record, change.kind])).toEqual([
        [id, "image"],
        [id, "image"],
        [id, "deleted"],
        [before, "image"],
      ]);
    } else {
      expect(new Set(changes.map(({ record }) => record))).toEqual(new Set([id, before]));
      expect(changes.every(({ change }) => change.kind === "touched" || change.kind === "deleted")).toBe(true);
    }
  });

  rule("[S57] images of the feed are exactly those of a reading, for every kind of cell", ["log"], async (stage) => {
    const object = await stage.installed();
    const feed = await stage.watch(object);
    const inserted: string[] = [];
    for (const fields of ODD_CUSTOMERS) inserted.push(await stage.customer(fields));
    const created = await stage.write(
      object,
      ODD_CUSTOMERS.map((fields) => stage.create(object, { ...fields, email: null })),
    );
    const changes = await stage.drain(feed);
    expect(changes).toHaveLength(inserted.length + created.length);
    const { images } = await stage.list(object);
    for (const { record, change } of changes) {
      expect(change.kind).toBe("image");
      if (change.kind === "image") expect(change.image).toBe(images.get(record));
    }
  });

  rule("a feed has only the objects followed, each by its place in the list", ["feed"], async (stage) => {
    const customers = await stage.installed();
    const lines = await stage.open("lines");
    const feed = await stage.watch(customers, lines);
    await stage.user.insert("regions", { code: "north", title: null });
    const line = idOf(await stage.user.insert("lines", { order_no: "1", line: "2", title: "Bolt" }));
    const customer = await stage.customer();
    const changes = await stage.drain(feed);
    expect(changes.map(({ object, record }) => [object, record])).toEqual([
      [1, line],
      [0, customer],
    ]);
  });

  rule("[S3] the feed names records with odd keys as listings do", ["feed"], async (stage) => {
    const customers = await stage.installed();
    const lines = await stage.open("lines");
    const feed = await stage.watch(customers, lines);
    const ids: string[] = [];
    for (const line of ODD_KEY_PARTS) ids.push(idOf(await stage.user.insert("lines", { order_no: "7", line, title: "Bolt" })));
    const seen = (await stage.drain(feed)).map(({ record }) => record);
    expect(seen.toSorted()).toEqual(ids.toSorted());
    expect((await stage.list(lines)).ids.toSorted()).toEqual(ids.toSorted());
    for (const id of ids) {
      const outcome = await stage.applied(lines, stage.update(lines, id, { title: "Nut" }));
      expect(outcome.record).toBe(id);
    }
  });

  rule("[I10] what is committed while nobody follows is shown to the next who does", ["feed"], async (stage) => {
    const object = await stage.installed();
    const cursor = await stage.cursor();
    const ids = [await stage.customer(), await stage.customer()];
    const feed = await stage.follow([object], cursor);
    expect((await stage.drain(feed)).map(({ record }) => record).filter((record) => ids.includes(record))).toEqual(ids);
    await feed.close();
  });

  rule("an empty batch comes after the wait, and a change ends the wait", ["feed"], async (stage) => {
    const object = await stage.installed();
    const feed = await stage.watch(object);
    const empty = await feed.next({ ...stage.options, waitMs: 50, changesMax: 10 });
    expect(empty.changes).toEqual([]);
    const startedAtMs = Date.now();
    const waiting = feed.next({ ...stage.options, waitMs: 10_000, changesMax: 10 });
    const id = await stage.customer();
    expect((await waiting).changes.map(({ record }) => record)).toEqual([id]);
    expect(Date.now() - startedAtMs).toBeLessThan(3000);
  });

  rule(
    "a batch has at most as many changes as asked for, and one large batch of writes arrives whole in pieces",
    ["feed"],
    async (stage) => {
      const object = await stage.installed();
      const feed = await stage.watch(object);
      const outcomes = await stage.write(
        object,
        Array.from({ length: 57 }, (_, index) => stage.create(object, { name: `c${index}` })),
      );
      const made = outcomes.map((outcome) => (outcome.kind === "applied" ? outcome.record : ""));
      const sizes: number[] = [];
      const changes = await stage.drain(feed, 10, (_, batch) => sizes.push(batch.length));
      expect(Math.max(...sizes)).toBeLessThanOrEqual(10);
      expect(new Set(changes.map(({ record }) => record))).toEqual(new Set(made));
      expect(changes).toHaveLength(57);
    },
  );

  rule(
    "[I10] from the cursor of any batch, in any transaction, a new feed shows every later change at least once",
    ["feed"],
    async (stage) => {
      const object = await stage.installed();
      const start = await stage.cursor();
      const ids: string[] = [];
      for (let index = 0; index < 5; index += 1) ids.push(await stage.customer({ name: `c${index}` }));
      await stage.write(
        object,
        ids.map((id, index) => stage.update(object, id, { note: `w${index}` })),
      );
      for (const id of ids) await stage.updateCustomer(id, { note: "u" });
      await stage.user.delete("customers", [ids[0] ?? ""]);
      const seen: Change[] = [];
      const marks: { readonly cursor: Cursor; readonly count: number }[] = [{ cursor: start, count: 0 }];
      const feed = await stage.follow([object], start);
      await stage.drain(feed, 2, (cursor, changes) => {
        seen.push(...changes);
        marks.push({ cursor, count: seen.length });
      });
      await feed.close();
      for (const { cursor, count } of marks.slice(0, -1)) {
        const again = await stage.follow([object], cursor);
        const later = (await stage.drain(again, 3)).map(wordOf);
        for (const word of seen.slice(count).map(wordOf)) expect(later, `after ${count} changes`).toContain(word);
        await again.close();
      }
    },
  );

  rule("acknowledged changes may be forgotten, and a feed from the acknowledged cursor loses nothing", ["feed"], async (stage) => {
    const object = await stage.installed();
    const feed = await stage.watch(object);
    let acknowledged: Cursor | null = null;
    await stage.customer();
    await stage.drain(feed, 1000, (cursor) => {
      acknowledged = cursor;
    });
    expect(acknowledged).not.toBeNull();
    feed.acknowledge(acknowledged ?? "");
    await feed.next({ ...stage.options, waitMs: 20, changesMax: 10 });
    const id = await stage.customer({ name: "later" });
    await feed.close();
    const again = await stage.follow([object], acknowledged ?? "");
    expect((await stage.drain(again)).map(({ record }) => record)).toContain(id);
  });

  rule(
    "how far a feed is behind is told without one that is open: what was written since its cursor, and whether it is still there",
    ["feed"],
    async (stage) => {
      const object = await stage.installed();
      const start = await stage.cursor();
      const first = await stage.connection.standing(start, stage.options);
      for (const name of ["Ada", "Bob", "Cid"]) await stage.customer({ name });
      const later = await stage.connection.standing(start, stage.options);
      expect([first?.isKept, later?.isKept]).toEqual([true, true]);
      expect(later?.behind.unit).toBe(first?.behind.unit);
      expect((later?.behind.amount ?? 0) - (first?.behind.amount ?? 0)).toBeGreaterThanOrEqual(3);
      expect(later?.retainedBytes ?? 1).toBeGreaterThan(0);
      const feed = await stage.follow([object], start);
      const batch = await feed.next({ ...stage.options, waitMs: 1_000, changesMax: 100 });
      const end = await stage.connection.standing(batch.cursor, stage.options);
      expect(end?.behind.amount ?? -1).toBeLessThan(later?.behind.amount ?? 0);
      await feed.close();
    },
  );

  rule("retained bytes are told as a number or not at all", ["feed"], async (stage) => {
    const object = await stage.installed();
    const feed = await stage.watch(object);
    await stage.drain(feed);
    expect(feed.retainedBytes === null || feed.retainedBytes >= 0).toBe(true);
  });

  rule("a wait that is aborted rejects with ACCORD_CANCELLED at once and loses no change", ["feed"], async (stage) => {
    const object = await stage.installed();
    const cursor = await stage.cursor();
    const feed = await stage.follow([object], cursor);
    const abort = new AbortController();
    const waiting = failure(feed.next({ signal: abort.signal, waitMs: 20_000, changesMax: 10 }));
    abort.abort();
    expect((await waiting).code).toBe("ACCORD_CANCELLED");
    const id = await stage.customer();
    expect((await stage.drain(feed)).map(({ record }) => record)).toEqual([id]);
  });

  rule("[S63] a changed key is a rename, and word of the new id follows", ["feed", "rename"], async (stage) => {
    const customers = await stage.installed();
    const regions = await stage.open("regions");
    await stage.user.insert("regions", { code: "north", title: "North" });
    const feed = await stage.watch(customers, regions);
    await stage.user.rename?.("regions", ["north"], ["nord"]);
    const changes = await stage.drain(feed);
    const renamed = changes.findIndex(({ record, change }) => record === "nord" && change.kind === "renamed" && change.from === "north");
    expect(renamed, JSON.stringify(changes)).not.toBe(-1);
    const word = changes.slice(renamed + 1).find(({ record }) => record === "nord");
    expect(word?.change.kind).toBe(stage.facts.capture === "log" ? "image" : "touched");
    if (word?.change.kind === "image") expect(word.change.image).toBe("nord\tNorth");
    expect(changes.some(({ record, change }) => record === "north" && change.kind === "deleted")).toBe(false);
  });

  rule("[S43] an object emptied at once is told as such", ["feed", "empty"], async (stage) => {
    const customers = await stage.installed();
    const lines = await stage.open("lines");
    await stage.user.insert("lines", { order_no: "1", line: "1" });
    const feed = await stage.watch(customers, lines);
    await stage.user.empty?.("lines");
    const line = idOf(await stage.user.insert("lines", { order_no: "1", line: "2" }));
    const changes = await stage.drain(feed);
    expect(changes.map(({ object, record, change }) => [object, record, change.kind])).toEqual([
      [1, "", "emptied"],
      [1, line, stage.facts.capture === "log" ? "image" : "touched"],
    ]);
  });

  rule(
    "[I10, S9] a transaction that was open at the cursor and commits later is shown, though later ones came first",
    ["feed", "hold"],
    async (stage) => {
      const object = await stage.installed();
      const held = await stage.user.hold?.();
      const late = held === undefined ? "" : idOf(await held.insert("customers", { name: "late" }));
      const cursor = await stage.cursor();
      const feed = await stage.follow([object], cursor);
      const early = await stage.customer({ name: "early" });
      const first = await feed.next({ ...stage.options, waitMs: 300, changesMax: 10 });
      const seen = first.changes.map(({ record }) => record);
      await held?.commit();
      const rest = await stage.drain(feed);
      expect([...seen, ...rest.map(({ record }) => record)]).toEqual(expect.arrayContaining([early, late]));
      await feed.close();
      const again = await stage.follow([object], first.cursor);
      expect((await stage.drain(again)).map(({ record }) => record)).toContain(late);
    },
  );

  rule("what is rolled back is never shown", ["log", "hold"], async (stage) => {
    const object = await stage.installed();
    const id = await stage.customer();
    const feed = await stage.watch(object);
    const held = await stage.user.hold?.();
    await held?.insert("customers", { name: "never" });
    await held?.update("customers", [id], { note: "never" });
    await held?.rollBack();
    expect(await stage.drain(feed)).toEqual([]);
  });

  rule("install of a further object extends the feed to it and keeps what is there", ["feed"], async (stage) => {
    await stage.install("customers");
    const first = await stage.open("customers");
    const cursor = await stage.cursor();
    const customer = await stage.customer();
    await stage.install("customers", "regions");
    const regions = await stage.open("regions");
    expect(regions.capabilities.capture).toBe(stage.facts.capture);
    await stage.user.insert("regions", { code: "north", title: null });
    const feed = await stage.follow([first, regions], cursor);
    const words = (await stage.drain(feed)).map(({ object, record }) => `${object} ${record}`);
    expect(words).toEqual(expect.arrayContaining([`0 ${customer}`, "1 north"]));
  });

  rule("[S60] after uninstall nothing can be followed", ["feed"], async (stage) => {
    const object = await stage.installed();
    const cursor = await stage.cursor();
    await stage.connection.uninstall("do", stage.options);
    const error = await failure(stage.follow([object], cursor));
    expect(["ACCORD_NOT_INSTALLED", "ACCORD_CURSOR_EXPIRED"]).toContain(error.code);
  });
}

/** One word per change that says what it says, so that changes can be compared. */
function wordOf({ object, record, change }: Change): string {
  return JSON.stringify([object, record, change.kind, change.kind === "image" ? change.image : null]);
}
