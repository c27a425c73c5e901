import { createFakeWorld, drive, engineBench, memoryStore, MemoryState, namesValue, seededRandom, UNCANCELLED } from "@accord/testkit";
import type { BenchSide, FakeCall, FakeSystem, FakeWorld, Fault, SeededRandom } from "@accord/testkit";
import { describe, expect, test } from "vitest";
import { AccordError } from "../connector/errors.ts";
import type { Connection, Feed } from "../connector/connector.ts";
import { applyPlan } from "./apply.ts";
import type { EngineContext } from "./context.ts";
import { drainAll, releaseLeases } from "./drain.ts";
import { Handover } from "./handover.ts";
import type { Pulled } from "./handover.ts";
import { sweep } from "./list.ts";
import { makePlan } from "./plan.ts";
import { followedSides, keepBatch } from "./pull.ts";
import { carryOffers } from "./straight.ts";
import { verify } from "./verify.ts";
import type { Difference } from "./verify.ts";

const COLUMNS = [
  { name: "id", type: "integer", generated: true },
  { name: "email", type: "text", nullable: true },
  { name: "name", type: "text", nullable: true },
  { name: "city", type: "text", nullable: true },
  { name: "points", type: "integer", nullable: true },
  { name: "note", type: "text", nullable: true, default: "kept" },
] as const;

/** One user's edit, as the checker remembers it. */
interface Edit {
  readonly system: string;
  readonly record: string;
  readonly field: string;
  readonly value: string;
}

class World {
  readonly random: SeededRandom;
  readonly world: FakeWorld;
  readonly systems: readonly FakeSystem[];
  readonly connections: readonly Connection[];
  readonly state = new MemoryState();
  readonly edits: Edit[] = [];
  /** Sum of all users' changes of points, by e-mail. */
  readonly points = new Map<string, number>();
  readonly deleted = new Set<string>();
  private sides: BenchSide[] = [];
  private values = 0;
  private holders = 0;

  constructor(seed: number, count: number) {
    this.random = seededRandom(seed);
    this.world = createFakeWorld({ seed });
    const object = { name: "customers", key: ["id"], columns: COLUMNS };
    this.systems = ["crm", "erp", "shop", "desk"].slice(0, count).map((name) =>
      this.world.add({
        name,
        objects: [object],
        capabilities: { capture: this.chance(0.5) ? "log" : "touched", requestDeadlineMs: 1_000 },
      }),
    );
    this.connections = this.systems.map((system) => system.connect());
  }

  chance(share: number): boolean {
    return this.int(1_000) < share * 1_000;
  }

  int(bound: number): number {
    return Number.parseInt(this.random.hex(4), 16) % bound;
  }

  pick<T>(list: readonly T[]): T {
    const item = list[this.int(list.length)];
    if (item === undefined) throw new RangeError("nothing to pick");
    return item;
  }

  async prepare(): Promise<void> {
    for (const connection of this.connections) {
      await connection.install(["customers"], "do", UNCANCELLED);
      const [schema] = await connection.discover(UNCANCELLED);
      this.sides.push({
        connection: connection.name,
        object: "customers",
        key: "id",
        codecOf(column) {
          const codec = schema?.columns.find(({ name }) => name === column)?.codec;
          if (codec === null || codec === undefined) throw new RangeError(column);
          return codec;
        },
      });
    }
  }

  /** A new process on the same store. */
  context(mayWrite = true): Promise<EngineContext> {
    this.holders += 1;
    return engineBench({
      host: this.world.host,
      store: memoryStore(this.state),
      connections: this.connections,
      syncs: [
        {
          name: "customers",
          fields: [
            { name: "email" },
            { name: "name" },
            { name: "city", policy: { kind: "owner", ranks: [0], revert: false, fill: false, blanks: [], verified: null } },
            { name: "points", type: "integer", policy: { kind: "counter", floor: null } },
          ],
          sides: this.sides,
          match: [["email"]],
        },
      ],
      mayWrite,
      holder: `holder ${this.holders}`,
    });
  }

  insert(): void {
    const email = `u${this.values++}@x.org`;
    const points = this.int(50);
    this.pick(this.systems).user.insert("customers", { email, name: this.value(), city: this.value(), points: String(points) });
    this.points.set(email, points);
  }

  edit(): void {
    const system = this.pick(this.systems);
    const ids = [...system.records("customers").keys()];
    if (ids.length === 0) return;
    const record = this.pick(ids);
    const email = system.record("customers", record)?.["email"] ?? "";
    if (this.chance(0.08)) {
      system.user.delete("customers", record);
      this.deleted.add(email);
      return;
    }
    const field = this.pick(["name", "city", "points"] as const);
    if (field === "points") {
      const delta = this.int(21) - 10;
      system.user.update("customers", record, { points: String(Number(system.record("customers", record)?.["points"] ?? 0) + delta) });
      this.points.set(email, (this.points.get(email) ?? 0) + delta);
      return;
    }
    const value = this.value();
    system.user.update("customers", record, { [field]: value });
    this.edits.push({ system: system.name, record, field, value });
  }

  private value(): string {
    this.values += 1;
    return `v${this.values}`;
  }

  faults(): void {
    for (const system of this.systems) system.faults = (call) => this.fault(call);
  }

  private fault(call: FakeCall): Fault | null {
    if (call.method === "write") {
      if (this.chance(0.08)) return { kind: "lostReply" };
      if (this.chance(0.05)) return { kind: "lostRequest" };
      if (this.chance(0.03)) return { kind: "late", afterMs: this.int(900) };
    }
    if (this.chance(0.03)) return { kind: "unavailable" };
    if (this.chance(0.02)) return { kind: "rateLimited", retryAfterMs: this.int(300) };
    if (call.method === "next" && this.chance(0.1)) return this.pick([{ kind: "hintsDuplicated" }, { kind: "feedCut" }] as const);
    return null;
  }
}

/** Lets errors that a run loop would wait out pass. */
async function attempt(world: World, work: Promise<unknown>): Promise<void> {
  try {
    await drive(world.world.host.clock, work);
  } catch (error) {
    if (!(error instanceof AccordError) || (error.remedy !== "retry" && error.remedy !== "reread")) throw error;
  }
}

async function pullOnce(context: EngineContext, connection: Connection, isStraight: boolean): Promise<void> {
  const sides = followedSides(context, connection.name);
  const row = await context.store.readConnection(connection.name, UNCANCELLED);
  if (row === null || row.cursor === null) return;
  const feed: Feed = await connection.follow(
    sides.map(({ object }) => object),
    row.cursor,
    UNCANCELLED,
  );
  try {
    const batch = await feed.next({ ...UNCANCELLED, waitMs: 0, changesMax: 20 });
    if (isStraight) await carry(context, { connection: connection.name, sides, batch });
    else await keepBatch(context, connection.name, sides, batch, UNCANCELLED);
    feed.acknowledge(batch.cursor);
  } finally {
    await feed.close();
  }
}

/** The straight way, and marks where it is closed: as a live run does it. */
async function carry(context: EngineContext, pulled: Pulled): Promise<void> {
  const handover = new Handover(context.clock);
  const offered = handover.offer(pulled, () => {}, UNCANCELLED);
  try {
    await carryOffers(context, handover, UNCANCELLED);
  } finally {
    if (!(await offered)) await keepBatch(context, pulled.connection, pulled.sides, pulled.batch, UNCANCELLED);
  }
}

async function sweepAll(world: World, context: EngineContext): Promise<void> {
  for (const sync of context.syncs)
    for (let side = 0; side < sync.objects.length; side += 1) await attempt(world, sweep(context, sync, side, UNCANCELLED));
}

async function play(seed: number, count: number): Promise<World> {
  const world = new World(seed, count);
  await world.prepare();
  for (let index = 0; index < 4; index += 1) world.insert();
  const planning = await world.context(false);
  const { plan, summary } = await makePlan(planning, UNCANCELLED);
  await releaseLeases(planning, UNCANCELLED);
  let context = await world.context();
  await applyPlan(context, plan, summary, { sample: null, entities: null }, UNCANCELLED);
  world.faults();
  for (let step = 0; step < 120; step += 1) {
    const roll = world.int(100);
    if (roll < 35) world.edit();
    else if (roll < 39) world.insert();
    else if (roll < 60) await attempt(world, pullOnce(context, world.pick(world.connections), world.chance(0.5)));
    else if (roll < 85) await attempt(world, drainAll(context, UNCANCELLED));
    else if (roll < 88) await sweepAll(world, context);
    else if (roll < 92) {
      await world.world.host.clock.advance(context.limits.leaseMs + 1);
      world.world.heal();
      context = await world.context();
      world.faults();
    } else await world.world.host.clock.advance(world.int(2_000));
  }
  world.world.heal();
  for (let round = 0; round < 12; round += 1) {
    for (const trip of await context.store.listTrips(UNCANCELLED)) {
      await context.store.approveTrip(trip.id, world.world.host.clock.nowMs(), UNCANCELLED);
      await context.store.setSyncState(trip.sync, "live", null, UNCANCELLED);
    }
    await world.world.host.clock.advance(70_000);
    for (const connection of world.connections)
      for (let page = 0; page < 4; page += 1) await attempt(world, pullOnce(context, connection, page % 2 === 0));
    await attempt(world, drainAll(context, UNCANCELLED));
    if (round > 8) await sweepAll(world, context);
  }
  await attempt(world, drainAll(context, UNCANCELLED));
  try {
    await check(world, context);
  } catch (error) {
    if (error instanceof Error) error.message += `\nleft over: ${leftOver(world)}`;
    throw error;
  }
  return world;
}

/** The entities whose record is not shown alike everywhere, with their stories. */
function differing(world: World): unknown {
  const emails = world.systems.map((system) => new Set([...system.records("customers").values()].map(({ email }) => email)));
  const odd = new Set(emails.flatMap((set) => [...set].filter((email) => !emails.every((other) => other.has(email)))));
  for (const [email, points] of world.points) {
    const isRight = [...(world.systems[0]?.records("customers").values() ?? [])].some(
      (record) => record["email"] === email && record["points"] === String(points),
    );
    if (!isRight && !world.deleted.has(email)) odd.add(email);
  }
  const told = [...world.state.entities.values()].map((entity) => entity.fields[0]?.value ?? null);
  for (const [index, email] of told.entries()) if (told.indexOf(email) !== index) odd.add(email);
  return [...world.state.entities.values()]
    .filter((entity) => odd.has(entity.fields[0]?.value ?? null))
    .map((entity) => ({
      id: entity.id,
      users: world.systems.map((system, side) =>
        system.history.changes
          .filter(({ record }) => record === entity.members[side]?.record)
          .map(({ sequence, author, atMs, kind, after }) => `${sequence} ${atMs} ${author.kind} ${kind} ${after?.join("|")}`),
      ),
      life: entity.life,
      members: entity.members.map((member) => member && [member.state, member.record, member.image, member.position, member.retired]),
      story: world.state.journal
        .filter((entry) => entry.entity === entity.id)
        .map(({ kind, side, payload, atMs }) => `${atMs} ${kind} ${side} ${payload.slice(0, 300)}`)
        .slice(Number(process.env["FUZZ_STORY"] ?? -9)),
    }));
}

/** What the engine still meant to do: the first thing to look at when a seed fails. */
function leftOver(world: World): string {
  const { due, marks, intents, syncs, problems } = world.state;
  return JSON.stringify({
    syncs: syncs.map(({ state, stateReason }) => [state, stateReason]),
    due: [...due.values()],
    marks: [...marks.values()],
    intents: [...intents.values()].map(({ id, kind, side, entity, deadlineMs }) => ({ id, kind, side, entity, deadlineMs })),
    problems: [...problems.values()],
    nowMs: world.world.host.clock.nowMs(),
    entities: differing(world),
  });
}

async function check(world: World, context: EngineContext): Promise<void> {
  const differences: Difference[] = [];
  await verify(context, (difference) => differences.push(difference), UNCANCELLED);
  expect(differences, "[I1] convergence").toEqual([]);
  const shown = world.systems.map((system) =>
    [...system.records("customers").values()]
      .map(({ email, name, city, points, note }) => [email, name, city, points, note].join("|"))
      .toSorted(),
  );
  for (const rows of shown) expect(rows, "[I1] [I4] [I12] every system shows the same").toEqual(shown[0]);
  const emails = (shown[0] ?? []).map((row) => row.split("|")[0]);
  expect(new Set(emails).size, "[I4] no duplicates").toBe(emails.length);
  checkPoints(world);
  checkEdits(world);
  const before = world.systems.map((system) => system.history.last);
  await sweepAll(world, context);
  await drive(world.world.host.clock, drainAll(context, UNCANCELLED));
  expect(
    world.systems.map((system) => system.history.last),
    "[I6] quiet",
  ).toEqual(before);
}

function checkPoints(world: World): void {
  for (const record of world.systems[0]?.records("customers").values() ?? []) {
    const email = record["email"] ?? "";
    if (world.deleted.has(email)) continue;
    expect([email, record["points"]], "[I8] counters").toEqual([email, String(world.points.get(email))]);
  }
  for (const email of world.points.keys()) {
    if (world.deleted.has(email)) continue;
    const isThere = [...(world.systems[0]?.records("customers").values() ?? [])].some((record) => record["email"] === email);
    expect([email, isThere], "[I5] nothing dies without a user's delete").toEqual([email, true]);
  }
}

/** Every edit is in the journal, or was overwritten by a later one of a user at the same place, or its record was deleted there. */
function checkEdits(world: World): void {
  const told = world.state.journal.map(({ payload }) => payload).join("\n");
  for (const [index, edit] of world.edits.entries()) {
    if (namesValue(told, edit.value)) continue;
    const isOverwritten = world.edits
      .slice(index + 1)
      .some((later) => later.system === edit.system && later.record === edit.record && later.field === edit.field);
    const system = world.systems.find(({ name }) => name === edit.system);
    const isGone = (system?.record("customers", edit.record) ?? null) === null;
    expect({ ...edit, isOverwritten: isOverwritten || isGone }, "[I2] no lost update").toEqual({ ...edit, isOverwritten: true });
  }
}

const SEEDS = Number(process.env["FUZZ_SEEDS"] ?? 60);
const FIRST = Number(process.env["FUZZ_FROM"] ?? 1);

describe("the engine under faults, crashes and users' concurrent edits", () => {
  for (const count of [2, 3, 4]) {
    test(`[I1] [I2] [I4] [I5] [I6] [I8] hold with ${count} systems`, { timeout: 600_000 }, async () => {
      for (let seed = FIRST; seed < FIRST + SEEDS; seed += 1) {
        try {
          await play(seed, count);
        } catch (error) {
          if (error instanceof Error) error.message = `seed ${seed}, ${count} systems: ${error.message}`;
          throw error;
        }
      }
    });
  }
});
