import { readImage, writeImage } from "@accord/core";
import type { ChangeBatch, Connection, Feed, OpenObject, RecordPage } from "@accord/engine/connector";
import { describe, expect, test } from "vitest";
import { batchRules } from "./chapter-batch.ts";
import { coversRules } from "./chapter-covers.ts";
import { failureRules } from "./chapter-failure.ts";
import { feedRules } from "./chapter-feed.ts";
import { listRules } from "./chapter-list.ts";
import { proofRules } from "./chapter-proof.ts";
import { shapeRules } from "./chapter-shape.ts";
import { writeRules } from "./chapter-write.ts";
import { fakeContractWorld } from "./fake-world.ts";
import { whyNot } from "./rule.ts";
import type { Need, Rule } from "./rule.ts";
import { Stage } from "./stage.ts";
import type { ContractFacts, ContractWorld } from "./world.ts";

// A suite that saw nothing also prints green: here each connector breaks one promise, and some rule of the right chapter must notice.

const facts: ContractFacts = {
  objects: { customers: "customers", regions: "regions", lines: "lines" },
  capture: "log",
  compareAndSet: true,
  proof: true,
  externalId: true,
  batch: "per-item",
  writesReturn: "image-and-position",
  sideDoor: ["rename", "empty"],
  world: ["unreachable", "refused", "cut"],
  propertyRuns: 20,
};

interface Break {
  readonly object?: (object: OpenObject) => Partial<OpenObject>;
  readonly connection?: (connection: Connection) => Partial<Connection>;
  readonly feed?: (batch: ChangeBatch) => ChangeBatch;
}

type Chapter = (rule: Rule) => void;

const mutants: readonly (readonly [string, Chapter, Break])[] = [
  [
    "its schemas hide a column",
    shapeRules,
    { connection: (c) => ({ discover: async (o) => (await c.discover(o)).map((s) => ({ ...s, columns: s.columns.slice(1) })) }) },
  ],
  ["open ignores the order of columns", shapeRules, { connection: (c) => ({ open: (n, columns, o) => c.open(n, columns.toSorted(), o) }) }],
  ["the epoch differs from call to call", shapeRules, { connection: () => ({ epoch: () => Promise.resolve(String(Math.random())) }) }],
  [
    "pages are out of order",
    listRules,
    { object: (o) => mapPages(o, (page) => ({ ...page, ids: page.ids.toReversed(), images: page.images.toReversed() })) },
  ],
  ["no page is complete", listRules, { object: (o) => mapPages(o, (page) => ({ ...page, complete: false })) }],
  ["every page is complete", listRules, { object: (o) => mapPages(o, (page) => ({ ...page, complete: true })) }],
  [
    "a page drops its last record",
    listRules,
    { object: (o) => mapPages(o, (page) => ({ ...page, ids: page.ids.slice(0, 5), images: page.images.slice(0, 5) })) },
  ],
  ["a listing forgets where to resume", listRules, { object: (o) => ({ list: (_, options) => o.list(null, options) }) }],
  [
    "pages are larger than asked for",
    listRules,
    { object: (o) => ({ list: (after, options) => o.list(after, { ...options, pageSize: options.pageSize + 1 }) }) },
  ],
  ["readings come in another order", listRules, { object: (o) => ({ read: async (ids, options) => o.read(ids.toSorted(), options) }) }],
  [
    "readings spell null as empty",
    listRules,
    { object: (o) => ({ read: async (ids, options) => mapImages(await o.read(ids, options), (cell) => cell ?? "") }) },
  ],
  [
    "a write is confirmed when it has happened",
    writeRules,
    {
      object: (o) => ({
        write: async (operations, { confirm, ...options }) => {
          const outcomes = await o.write(operations, options);
          await confirm?.();
          return outcomes;
        },
      }),
    },
  ],
  [
    "a write is never confirmed",
    writeRules,
    { object: (o) => ({ write: (operations, { signal, mark }) => o.write(operations, { signal, mark }) }) },
  ],
  [
    "a write is confirmed again for each operation",
    writeRules,
    {
      object: (o) => ({
        write: async (operations, options) => {
          for (const _ of operations) await options.confirm?.();
          return o.write(operations, { ...options, confirm: () => Promise.resolve() });
        },
      }),
    },
  ],
  [
    "writes ignore what is expected",
    writeRules,
    { object: (o) => mapOperations(o, (operation) => ("expect" in operation ? { ...operation, expect: [] } : operation)) },
  ],
  [
    "expected nulls are ignored",
    writeRules,
    {
      object: (o) =>
        mapOperations(o, (operation) =>
          "expect" in operation ? { ...operation, expect: operation.expect.filter(({ cell }) => cell !== null) } : operation,
        ),
    },
  ],
  [
    "deletes are forgotten",
    writeRules,
    {
      object: (o) => mapOperations(o, (operation) => (operation.kind === "delete" ? { ...operation, kind: "update", set: [] } : operation)),
    },
  ],
  [
    "updates set whole records",
    writeRules,
    {
      object: (o) => ({
        write: async (operations, options) => {
          const { images } = await o.read(
            operations.map((operation) => ("record" in operation ? operation.record : "")),
            options,
          );
          const whole = operations.map((operation, index) => {
            const image = images[index];
            if (operation.kind !== "update" || image === null || image === undefined) return operation;
            const old = readImage(image).map((_, column) => ({ column, cell: null }));
            return {
              ...operation,
              set: [...old.slice(2).filter(({ column }) => operation.set.every((patch) => patch.column !== column)), ...operation.set],
            };
          });
          return o.write(whole, options);
        },
      }),
    },
  ],
  [
    "returned images differ from readings",
    writeRules,
    {
      object: (o) =>
        mapOutcomes(o, (outcome) =>
          outcome.kind === "applied" && outcome.image !== null ? { ...outcome, image: outcome.image.replace(/0(?=\t)/, "") } : outcome,
        ),
    },
  ],
  [
    "outcomes come in another order",
    batchRules,
    { object: (o) => ({ write: async (operations, options) => (await o.write(operations, options)).toReversed() }) },
  ],
  [
    "images of a batch are mixed up",
    batchRules,
    {
      object: (o) => ({
        write: async (operations, options) => {
          const outcomes = await o.write(operations, options);
          return outcomes.map((outcome, index) => {
            const other = outcomes[index - 1];
            return outcome.kind === "applied" && other?.kind === "applied" ? { ...other, position: outcome.position } : outcome;
          });
        },
      }),
    },
  ],
  [
    "every intent is proven",
    proofRules,
    { object: (o) => ({ findProofs: async (intents) => Promise.resolve(new Map(intents.map((intent) => [intent, o.schema.name]))) }) },
  ],
  ["no intent is proven", proofRules, { object: () => ({ findProofs: async () => Promise.resolve(new Map()) }) }],
  ["links are always listed from the start", proofRules, { object: (o) => ({ listLinks: (_, options) => o.listLinks(null, options) }) }],
  ["describing installs", proofRules, { connection: (c) => ({ install: (objects, _, options) => c.install(objects, "do", options) }) }],
  ["uninstall does nothing", proofRules, { connection: (c) => ({ uninstall: (_, options) => c.uninstall("describe", options) }) }],
  ["the mark is not kept", proofRules, { connection: () => ({ writeMark: async () => Promise.resolve() }) }],
  [
    "the feed loses a change now and then",
    feedRules,
    { feed: (batch) => ({ ...batch, changes: batch.changes.slice(batch.changes.length > 1 ? 1 : 0) }) },
  ],
  [
    "the feed takes an update for a delete",
    feedRules,
    { feed: (batch) => mapChanges(batch, (change) => (change.kind === "renamed" ? { kind: "deleted", position: null } : change)) },
  ],
  [
    "the feed says nothing of an emptied object",
    feedRules,
    { feed: (batch) => ({ ...batch, changes: batch.changes.filter(({ change }) => change.kind !== "emptied") }) },
  ],
  ["the feed is out of order", feedRules, { feed: (batch) => ({ ...batch, changes: batch.changes.toReversed() }) }],
  [
    "a cursor of the feed is ahead of its changes",
    feedRules,
    { feed: (batch) => ({ ...batch, cursor: batch.cursor.replace(/\d+/, (digits) => String(Number(digits) + 1)) }) },
  ],
  [
    "images of the feed are spelt otherwise",
    feedRules,
    {
      feed: (batch) =>
        mapChanges(batch, (change) => (change.kind === "image" ? { ...change, image: change.image.replace(".00", "") } : change)),
    },
  ],
  ["nothing is ever covered", coversRules, { object: () => ({ covers: () => false }) }],
  ["everything is always covered", coversRules, { object: () => ({ covers: () => true }) }],
  ["a change does not cover itself", coversRules, { object: () => ({ covers: (known, change) => known > change }) }],
  [
    "positions reach one change too far",
    coversRules,
    { object: () => ({ covers: (known, change) => Number(known) + 1 >= Number(change) }) },
  ],
  ["a listing is dated at its start", coversRules, { object: datedAtStart }],
  [
    "signals are not looked at",
    failureRules,
    { object: (o) => ({ read: (ids) => o.read(ids, { signal: new AbortController().signal }) }) },
  ],
  [
    "an aborted write goes on behind its caller's back",
    failureRules,
    {
      object: (o) => ({
        write: async (operations, options) => {
          const written = await o.write(operations, { ...options, signal: new AbortController().signal });
          if (options.signal.aborted) await o.read([], options);
          return written;
        },
      }),
    },
  ],
  [
    "lost answers pass for requests that were never sent",
    failureRules,
    {
      object: (o) =>
        mapOutcomes(o, (outcome) => (outcome.kind === "unknown" ? { kind: "notSent", reason: "", retryAfterMs: null } : outcome)),
    },
  ],
];

describe("the connector contract notices a connector where", () => {
  test.each(mutants)("%s", async (_, chapter, broken) => {
    const bodies: ((stage: Stage) => Promise<void>)[] = [];
    chapter((_title, needs: readonly Need[], body) => {
      if (needs.every((need) => whyNot(facts, need) === null)) bodies.push(body);
    });
    expect(bodies.length).toBeGreaterThan(0);
    const results = await Promise.all(bodies.map((body) => holds(body, broken)));
    expect(results).toContain(false);
  });
});

async function holds(body: (stage: Stage) => Promise<void>, broken: Break): Promise<boolean> {
  const world = fakeContractWorld();
  const stage = new Stage(facts, brokenWorld(world, broken));
  try {
    await body(stage);
    return true;
  } catch {
    return false;
  } finally {
    await stage.close();
    await world.close();
  }
}

function brokenWorld(world: ContractWorld, broken: Break): ContractWorld {
  return over(world, { connection: brokenConnection(world.connection, broken), connect: () => brokenConnection(world.connect(), broken) });
}

function brokenConnection(connection: Connection, broken: Break): Connection {
  return over(connection, {
    open: async (...facts_) => brokenObject(await connection.open(...facts_), broken),
    follow: async (...facts_) => brokenFeed(await connection.follow(...facts_), broken),
    ...broken.connection?.(connection),
  });
}

function brokenObject(object: OpenObject, broken: Break): OpenObject {
  return over(object, broken.object?.(object) ?? {});
}

function brokenFeed(feed: Feed, broken: Break): Feed {
  return over(feed, { next: async (options) => (broken.feed ?? ((batch: ChangeBatch) => batch))(await feed.next(options)) });
}

/** The same thing with some of its members replaced. Methods keep their own `this`, since the fakes have private fields. */
function over<Thing extends object>(thing: Thing, changes: Partial<Thing>): Thing {
  return new Proxy(thing, {
    get(target, name) {
      if (name in changes) return Reflect.get(changes, name);
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}

function mapPages(object: OpenObject, map: (page: RecordPage) => RecordPage): Partial<OpenObject> {
  return {
    async *list(after, options) {
      for await (const page of object.list(after, options)) yield map(page);
    },
  };
}

function datedAtStart(object: OpenObject): Partial<OpenObject> {
  return {
    async *list(after, options) {
      let position: string | null = null;
      for await (const page of object.list(after, options)) {
        position ??= page.position;
        yield { ...page, position };
      }
    },
  };
}

function mapImages(reading: Awaited<ReturnType<OpenObject["read"]>>, map: (cell: string | null | undefined) => string | null | undefined) {
  return { ...reading, images: reading.images.map((image) => (image === null ? null : writeImage(readImage(image).map(map)))) };
}

type Write = OpenObject["write"];

function mapOperations(
  object: OpenObject,
  map: (operation: Parameters<Write>[0][number]) => Parameters<Write>[0][number],
): Partial<OpenObject> {
  return { write: (operations, options) => object.write(operations.map(map), options) };
}

function mapOutcomes(
  object: OpenObject,
  map: (outcome: Awaited<ReturnType<Write>>[number]) => Awaited<ReturnType<Write>>[number],
): Partial<OpenObject> {
  return { write: async (operations, options) => (await object.write(operations, options)).map(map) };
}

function mapChanges(
  batch: ChangeBatch,
  map: (change: ChangeBatch["changes"][number]["change"]) => ChangeBatch["changes"][number]["change"],
): ChangeBatch {
  return { ...batch, changes: batch.changes.map((change) => ({ ...change, change: map(change.change) })) };
}
