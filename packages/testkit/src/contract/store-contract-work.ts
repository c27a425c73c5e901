import { writeImage } from "@accord/core";
import type { Store, UndoWrite } from "@accord/engine/store";
import { expect, test } from "vitest";
import {
  AT,
  beginSample,
  call,
  idsOfShard,
  pullOf,
  sampleDue,
  sampleEntity,
  sampleEntry,
  sampleIntent,
  sampleMark,
  sampleMember,
} from "./store-samples.ts";

/** What the store promises of work: due writes, intents, requests, plans, guards, and that commits are whole. */
export function describeStoreWork(open: () => Promise<Store>): void {
  describeDue(open);
  describeQuiet(open);
  describeUndone(open);
  describeRelease(open);
  describeWithinOne(open);
  describeOpenIntents(open);
  describeRequestsAndPlans(open);
  describeGuards(open);
  describeProblemsAndFailures(open);
}

function describeDue(open: () => Promise<Store>): void {
  test("[S28, S56] due writes are loaded with their entities, oldest first, when they are ready and no intent is open", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    const ids = await idsOfShard(store, 0, 5);
    const entity = (id: number) => sampleEntity(sync, id, [String(id), null]);
    const [a = 0, b = 0, c = 0, d = 0, e = 0] = ids;
    await commit({
      entities: ids.map((id) => ({ entity: entity(id), keys: null })),
      due: [
        sampleDue(sync, a, { sinceMs: AT + 2 }),
        sampleDue(sync, b, { sinceMs: AT + 1, notBeforeMs: AT + 100 }),
        sampleDue(sync, c, { sinceMs: AT }),
        sampleDue(sync, d, { state: "held" }),
        sampleDue(sync, e, { sinceMs: AT - 1 }),
      ],
      intentsOpened: [sampleIntent(sync, e, "i1")],
    });
    const query = { shard: 0, sync, side: 1, limit: 9, nowMs: AT };
    const found = await store.loadDue(query, call);
    const { keepAge: _, ...due } = sampleDue(sync, c);
    expect(found[0]).toEqual({ ...due, stored: entity(c) });
    expect(found.map((one) => one.entity)).toEqual([c, a]);
    expect((await store.loadDue({ ...query, nowMs: AT + 100, limit: 2 }, call)).map((one) => one.entity)).toEqual([c, b]);
    expect(await store.loadDue({ ...query, side: 0 }, call)).toEqual([]);
    expect(await store.readyShards(AT, call)).toEqual({ shards: [0], nextAtMs: AT + 100 });
    const listing = { sync, side: 1, states: ["ready", "held"], limit: 3 } as const;
    expect((await store.listDue({ ...listing, after: null }, call)).map((one) => one.entity)).toEqual([a, b, c]);
    expect((await store.listDue({ ...listing, after: c }, call)).map((one) => [one.entity, one.state, one.stored.id])).toEqual([
      [d, "held", d],
      [e, "ready", e],
    ]);
    await commit({
      dueDone: [{ sync, side: 1, entity: c }],
      due: [sampleDue(sync, b, { sinceMs: AT + 70, keepAge: true }), sampleDue(sync, a, { sinceMs: AT + 80, attempts: 4, keepAge: false })],
    });
    expect((await store.loadDue(query, call)).map((one) => [one.entity, one.sinceMs, one.attempts])).toEqual([
      [b, AT + 1, 0],
      [a, AT + 80, 4],
    ]);
  });
}

/** An undo that puts one cell back. */
function undoTo(cell: string): UndoWrite {
  return { kind: "update", set: [{ column: 0, cell }], expect: [{ column: 0, cell: "now" }] };
}

function describeQuiet(open: () => Promise<Store>): void {
  test("[S56] what is changed again while it waits keeps its age and its earlier moment, so that its wait is bounded", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    const id = await store.reserveEntities(1, call);
    const at = async () => (await store.listDue({ sync, side: 1, states: ["ready", "parked"], after: null, limit: 9 }, call))[0];
    await commit({
      entities: [{ entity: sampleEntity(sync, id, ["1", null]), keys: null }],
      due: [sampleDue(sync, id, { sinceMs: AT, notBeforeMs: AT + 50, attempts: 2 })],
    });
    await commit({ due: [sampleDue(sync, id, { sinceMs: AT + 40, notBeforeMs: AT + 90, keepAge: true })] });
    expect(await at()).toMatchObject({ sinceMs: AT, notBeforeMs: AT + 50, attempts: 2 });
    await commit({ due: [sampleDue(sync, id, { sinceMs: AT + 41, notBeforeMs: AT + 45, keepAge: true })] });
    expect(await at()).toMatchObject({ sinceMs: AT, notBeforeMs: AT + 45, attempts: 2 });
    await commit({ due: [sampleDue(sync, id, { state: "parked", notBeforeMs: AT + 80, keepAge: true })] });
    expect(await at()).toMatchObject({ state: "parked", sinceMs: AT, notBeforeMs: AT + 80 });
    await commit({ due: [sampleDue(sync, id, { sinceMs: AT + 60, notBeforeMs: AT + 95, keepAge: true })] });
    expect(await at()).toMatchObject({ state: "ready", sinceMs: AT, notBeforeMs: AT + 95 });
    await commit({ due: [sampleDue(sync, id, { sinceMs: AT + 99, notBeforeMs: AT + 99 })] });
    expect(await at()).toMatchObject({ sinceMs: AT + 99, notBeforeMs: AT + 99, attempts: 0 });
  });

  test("[S58] an older copy takes a generation above its own and the one seen, so that entity ids never meet, and counts as restored", async () => {
    const store = await open();
    const { generation } = await store.identity();
    const before = await store.reserveEntities(5, call);
    expect(await store.fallBehind(generation + 3, call)).toBe(generation + 4);
    expect(await store.identity()).toMatchObject({ generation: generation + 4, restored: true });
    expect(await store.reserveEntities(1, call)).toBeGreaterThanOrEqual(before + 5);
    expect(await store.fallBehind(0, call)).toBe(generation + 5);
    await store.acknowledgeRestore(call);
    expect(await store.identity()).toMatchObject({ generation: generation + 5, restored: false });
  });
}

function describeUndone(open: () => Promise<Store>): void {
  test("[S59] an undo that is due stays so, whatever else is found out of its member, until it is carried out", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    const id = await store.reserveEntities(1, call);
    const key = { sync, side: 1, entity: id };
    const at = async () =>
      (await store.listDue({ sync, side: 1, states: ["ready", "held"], after: null, limit: 9 }, call))[0]?.undo ?? null;
    await commit({ entities: [{ entity: sampleEntity(sync, id, ["1", "2"]), keys: null }] });
    await commit({ due: [sampleDue(sync, id, { undo: undoTo("then"), keepAge: false })] });
    await commit({ dueDone: [key] });
    await commit({ due: [sampleDue(sync, id, { keepAge: true })] });
    await commit({ due: [sampleDue(sync, id, { state: "parked", keepAge: false })] });
    expect(await at()).toEqual(undoTo("then"));
    await commit({ due: [sampleDue(sync, id, { undo: undoTo("earlier"), keepAge: false })] });
    expect(await at()).toEqual(undoTo("earlier"));
    await commit({ undosDone: [key], due: [sampleDue(sync, id, { state: "held", keepAge: false })] });
    expect((await store.listDue({ sync, side: 1, states: ["held"], after: null, limit: 9 }, call)).map((due) => due.undo)).toEqual([null]);
    await commit({ dueDone: [key] });
    expect(await store.listDue({ sync, side: 1, states: ["ready", "held"], after: null, limit: 9 }, call)).toEqual([]);
  });

  test("[S59] what an undo put back stays held, whatever else becomes due of it, until it is released; news of it takes its turn as a mark", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    const id = await store.reserveEntities(1, call);
    const entity = sampleEntity(sync, id, ["1", null]);
    const quiet = async () => (await store.loadQuiet(sync, 0, ["1"], call))[0]?.id ?? null;
    const at = async () => (await store.listDue({ sync, side: 1, states: ["ready", "held"], after: null, limit: 9 }, call))[0];
    await commit({ entities: [{ entity, keys: null }] });
    expect(await quiet()).toBe(id);
    await commit({ due: [sampleDue(sync, id, { state: "held", code: "ACCORD_UNDONE", reason: "undone", keepAge: false })] });
    await commit({ due: [sampleDue(sync, id, { keepAge: true })] });
    expect([await at(), await quiet()]).toMatchObject([{ state: "held", code: "ACCORD_UNDONE", reason: "undone" }, null]);
    await store.releaseDue(sync, null, AT, call);
    expect([(await at())?.state, await quiet()]).toEqual(["ready", id]);
    await commit({ due: [sampleDue(sync, id, { state: "held", keepAge: false })] });
    await commit({ due: [sampleDue(sync, id, { keepAge: true })] });
    expect((await at())?.state).toBe("ready");
  });
}

function describeRelease(open: () => Promise<Store>): void {
  test("[S60, S44] held writes wait for a release, waiting ones for a parent, parked ones for a retry", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    const id = await store.reserveEntities(6, call);
    const undo = { kind: "update", set: [{ column: 1, cell: null }], expect: [{ column: 1, cell: "x\ty" }] } as const;
    await commit({
      entities: [0, 1, 2, 3, 4].map((step) => ({
        entity: sampleEntity(sync, id + step, [String(step), step === 3 ? "r3" : null]),
        keys: null,
      })),
      due: [
        sampleDue(sync, id, { state: "held" }),
        sampleDue(sync, id + 1, { state: "held" }),
        sampleDue(sync, id + 2, { state: "waiting", waitsFor: id + 5, code: "parent", reason: "waits for its parent" }),
        sampleDue(sync, id + 3, { state: "parked", attempts: 3, sinceMs: AT - 5, code: "23505", reason: "taken", undo }),
        sampleDue(sync, id + 4, { state: "parked" }),
      ],
    });
    expect((await store.countDue(call)).map(({ side, state, count, oldestSinceMs }) => [side, state, count, oldestSinceMs])).toEqual([
      [1, "held", 2, AT],
      [1, "waiting", 1, AT],
      [1, "parked", 2, AT - 5],
    ]);
    const parked = await store.listParked(9, call);
    expect(parked.map((row) => row.entity)).toEqual([id + 3, id + 2, id + 4]);
    expect(parked[0]).toMatchObject({ state: "parked", code: "23505", reason: "taken", undo, record: "r3", attempts: 3 });
    const ready = async (): Promise<number[]> =>
      (await store.listDue({ sync, side: 1, states: ["ready"], after: null, limit: 9 }, call)).map((row) => row.entity);
    await store.releaseDue(sync, [{ sync, side: 1, entity: id + 1 }], AT, call);
    expect(await ready()).toEqual([id + 1]);
    await store.releaseDue(sync, null, AT, call);
    await store.setSyncState(sync, "live", null, call);
    await commit({ arrived: [{ sync, entity: id + 5 }] });
    expect(await ready()).toEqual([id, id + 1, id + 2]);
    expect(await store.retryParked([{ sync, side: 1, entity: id + 4 }], AT, call)).toBe(1);
    expect(await store.retryParked(null, AT, call)).toBe(1);
    expect(await ready()).toEqual([id, id + 1, id + 2, id + 3, id + 4]);
    expect((await store.listDue({ sync, side: 1, states: ["ready"], after: id + 2, limit: 1 }, call))[0]).toMatchObject({
      undo,
      code: null,
    });
    expect(await store.listParked(9, call)).toEqual([]);
  });

  test("[S60] what stops waiting before its sync is live is held, not written", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    const id = await store.reserveEntities(3, call);
    await store.setSyncState(sync, "planned", null, call);
    await commit({
      entities: [0, 1].map((step) => ({ entity: sampleEntity(sync, id + step, [String(step), null]), keys: null })),
      due: [sampleDue(sync, id, { state: "waiting", waitsFor: id + 2 }), sampleDue(sync, id + 1, { state: "parked" })],
    });
    await commit({ arrived: [{ sync, entity: id + 2 }] });
    await store.retryParked(null, AT, call);
    expect((await store.countDue(call)).map(({ state, count }) => [state, count])).toEqual([["held", 2]]);
  });
}

function describeWithinOne(open: () => Promise<Store>): void {
  test("within one commit the last entry of a key wins, and what is closed or done goes before what is opened", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    const id = await store.reserveEntities(1, call);
    const earlier = { entity: sampleEntity(sync, id, ["1", null]), keys: ["ada", null] };
    const later = { entity: sampleEntity(sync, id, ["2", null]), keys: null };
    await commit({
      entities: [earlier, later],
      due: [sampleDue(sync, id, { sinceMs: AT + 5 }), sampleDue(sync, id, { sinceMs: AT + 9, keepAge: true })],
    });
    expect(await store.loadEntities([id], call)).toEqual([later.entity]);
    expect(await store.findLinks(sync, 0, ["1", "2"], call)).toEqual([null, id]);
    expect(await store.findMatches(sync, 1, [{ record: "x", keys: ["ada", null] }], call)).toMatchObject([[{ entities: [id] }, {}]]);
    expect(await store.countDue(call)).toMatchObject([{ oldestSinceMs: AT + 9, count: 1 }]);
    const key = { sync, side: 1, entity: id };
    await commit({ intentsOpened: [sampleIntent(sync, id, "i1")] });
    await commit({
      dueDone: [key],
      due: [sampleDue(sync, id, { sinceMs: AT + 20, keepAge: true })],
      intentsClosed: ["i1"],
      intentsOpened: [sampleIntent(sync, id, "i2")],
    });
    expect(await store.countDue(call)).toMatchObject([{ oldestSinceMs: AT + 20, count: 1 }]);
    expect((await store.loadEntities([id], call))[0]?.members[0]?.record).toBe("2");
  });
}

function describeOpenIntents(open: () => Promise<Store>): void {
  test("[S31] an open intent makes its shard ready from its deadline on, though nothing else waits there", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    const [id = 0] = await idsOfShard(store, 1, 1);
    await commit({
      entities: [{ entity: sampleEntity(sync, id, ["1", null]), keys: null }],
      intentsOpened: [sampleIntent(sync, id, "i1", { deadlineMs: AT + 50 })],
    });
    expect(await store.readyShards(AT + 49, call)).toEqual({ shards: [], nextAtMs: AT + 50 });
    expect(await store.readyShards(AT + 50, call)).toMatchObject({ shards: [expect.any(Number)], nextAtMs: null });
  });

  test("[S33] a side without a record shows an open create as a member being created, until it is closed", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    const id = await store.reserveEntities(1, call);
    await commit({
      entities: [{ entity: sampleEntity(sync, id, ["1", null]), keys: null }],
      intentsOpened: [sampleIntent(sync, id, "i1", { kind: "create", record: null, set: "a\t\\N\t\\U" })],
    });
    const member = async () => (await store.loadEntities([id], call))[0]?.members[1];
    expect(await member()).toEqual({
      state: "creating",
      record: null,
      incarnation: 0,
      image: null,
      ack: [0, 0],
      position: null,
      seenAtMs: 0,
      intent: "i1",
      retired: [],
    });
    await commit({ intentsClosed: ["i1"] });
    expect(await member()).toBeNull();
  });

  test("[S35] what an unproven create asked for is kept with its member, which has no record, and is found as such beside what is parked", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    const id = await store.reserveEntities(1, call);
    const asked = sampleMember(null, { state: "creating", image: writeImage(["Ann", undefined]), ack: [1, 0], position: null });
    const sample = sampleEntity(sync, id, ["1", null]);
    const [member = null] = sample.members;
    await commit({
      entities: [{ entity: { ...sample, members: [member, asked] }, keys: ["ann", null] }],
      due: [sampleDue(sync, id, { side: 1, state: "parked", code: "ACCORD_UNPROVEN" })],
    });
    const again = await open();
    expect((await again.loadEntities([id], call))[0]?.members[1]).toEqual(asked);
    const [parked] = await again.listDue({ sync, side: 1, states: ["parked"], after: null, limit: 9 }, call);
    expect(parked?.stored.members[1]).toEqual(asked);
    const [found] = await again.findMatches(sync, 1, [{ record: "x", keys: ["ann", null] }], call);
    expect(found?.[0]?.entities).toEqual([id]);
  });

  test("[S29, S31] open intents survive, oldest first, with what they were about to do; a member has one at most", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    const [a = 0, b = 0] = await idsOfShard(store, 0, 2);
    const intents = [
      sampleIntent(sync, a, "i1", { openedAtMs: AT + 1 }),
      sampleIntent(sync, b, "i2", { fields: [], set: "\\U\tb\\tc", expect: [], record: null, kind: "create" }),
    ];
    await commit({
      entities: [a, b].map((id) => ({ entity: sampleEntity(sync, id, [String(id), null]), keys: null })),
      intentsOpened: intents,
    });
    const found = await (await open()).loadOpenIntents(0, 9, call);
    expect(found.map(({ stored, ...intent }) => [stored.id, intent])).toEqual([
      [b, intents[1]],
      [a, intents[0]],
    ]);
    expect(await store.loadOpenIntents(1, 9, call)).toEqual([]);
    expect(await store.openCreates(sync, 1, call)).toEqual([b]);
    expect(await store.openCreates(sync, 0, call)).toEqual([]);
    await expect(commit({ intentsOpened: [sampleIntent(sync, a, "i3")] })).rejects.toThrow();
    expect((await store.listMembers(sync, 0, null, 9, call)).map(({ hasIntent }) => hasIntent)).toEqual([false, false]);
    await commit({ intentsClosed: ["i1"], intentsOpened: [sampleIntent(sync, a, "i3", { side: 0, openedAtMs: AT + 2 })] });
    expect((await store.loadOpenIntents(0, 9, call)).map(({ id }) => id)).toEqual(["i2", "i3"]);
    expect((await store.listMembers(sync, 0, null, 9, call)).map(({ hasIntent }) => hasIntent)).toEqual([true, false]);
  });
}

function describeRequestsAndPlans(open: () => Promise<Store>): void {
  test("requests of people wait in their entity's shard, oldest first, until they are done; other processes notice", async () => {
    const store = await open();
    const other = await open();
    const { sync, commit } = await beginSample(store);
    const [id = 0, unknown = 0] = await idsOfShard(store, 0, 2);
    await commit({ entities: [{ entity: sampleEntity(sync, id, ["1", null]), keys: null }] });
    const before = store.changeCounter();
    const request = { sync, entity: id, kind: "decide", body: '{"field":0}', run: null, atMs: AT } as const;
    await other.addRequests([request, { ...request, entity: unknown, kind: "undo", run: 3 }], call);
    expect(store.changeCounter()).not.toBe(before);
    expect((await store.readyShards(AT, call)).shards).toEqual([0]);
    const found = await store.loadRequests(0, 9, AT, call);
    expect(found.map(({ kind, run, stored }) => [kind, run, stored?.id])).toEqual([
      ["decide", null, id],
      ["undo", 3, undefined],
    ]);
    await commit({ requestsDone: [found[0]?.id ?? 0] });
    expect((await store.loadRequests(0, 9, AT, call)).map(({ kind }) => kind)).toEqual(["undo"]);
  });

  test("[S60] a plan keeps its operations in their order, and the latest plan is found", async () => {
    const store = await open();
    const { sync } = await beginSample(store);
    expect(await store.latestPlan(call)).toBeNull();
    const run = await store.startRun({ kind: "plan", startedAtMs: AT }, call);
    const plan = await store.startPlan({ run, createdAtMs: AT }, call);
    const operation = { sync, side: 1, entity: 1, kind: "create", record: null, entityVersion: 2, imageDigest: "", detail: "{}" } as const;
    await store.addOperations(plan, [operation, { ...operation, entity: 2, kind: "update", record: "r", imageDigest: "d" }], call);
    await store.addOperations(plan, [{ ...operation, entity: 3 }], call);
    expect(await store.latestPlan(call)).toEqual({ id: plan, run, createdAtMs: AT, summary: null });
    await store.finishPlan(plan, '{"creates":2}', call);
    expect(await store.latestPlan(call)).toMatchObject({ id: plan, summary: '{"creates":2}' });
    const listed = await store.listOperations(plan, 0, 2, call);
    expect(listed.map(({ entity, record }) => [entity, record])).toEqual([
      [1, null],
      [2, "r"],
    ]);
    expect(
      (await store.listOperations(plan, listed[1]?.ordinal ?? 0, 9, call)).map(({ entity, entityVersion }) => [entity, entityVersion]),
    ).toEqual([[3, 2]]);
  });
}

function describeGuards(open: () => Promise<Store>): void {
  test("[S30] what was put off because its system could not be asked is ready at once when it answers again, and nothing else is", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    const [away = 0, quiet = 0, other = 0] = await idsOfShard(store, 0, 3);
    const entities = [away, quiet, other].map((id, index) => ({ entity: sampleEntity(sync, id, [`${index}`, `r${index}`]), keys: null }));
    const late = { notBeforeMs: AT + 60_000, sinceMs: AT, keepAge: false };
    await commit({
      entities,
      due: [
        { ...sampleDue(sync, away, { side: 1, code: "ACCORD_NOT_SENT", reason: "away" }), ...late },
        { ...sampleDue(sync, quiet, { side: 1 }), ...late },
        { ...sampleDue(sync, other, { side: 0, code: "ACCORD_NOT_SENT", reason: "away" }), ...late },
      ],
    });
    await store.hurry(sync, 1, AT + 10, call);
    const query = { shard: 0, sync, limit: 9, nowMs: AT + 10 };
    expect((await store.loadDue({ ...query, side: 1 }, call)).map(({ entity }) => entity)).toEqual([away]);
    expect(await store.loadDue({ ...query, side: 0 }, call)).toEqual([]);
    const later = await store.loadDue({ ...query, side: 1, nowMs: AT + 60_000 }, call);
    expect(new Set(later.map(({ entity }) => entity))).toEqual(new Set([away, quiet]));
  });

  test("[S43, I13] what the guards let through is kept by side, with the commit that let it through", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    expect(await store.guardTally(sync, 0, call)).toBeNull();
    const row = {
      sync,
      side: 0,
      sinceMs: AT,
      records: 9,
      deletes: 1,
      changed: 2,
      changedSinceMs: AT,
      rewrites: { name: 2 },
      rewritesSinceMs: AT,
      emptiedSinceMs: null,
      emptied: { "the name's": 1 },
    };
    await commit({ guarded: [row, { ...row, side: 1, deletes: 5 }] });
    await commit({ guarded: [{ ...row, deletes: 2 }] });
    expect(await store.guardTally(sync, 0, call)).toEqual({ ...row, deletes: 2 });
    expect(await store.guardTally(sync, 1, call)).toEqual({ ...row, side: 1, deletes: 5 });
  });

  test("[S43] a guard's trip waits for approval, once", async () => {
    const store = await open();
    const { sync } = await beginSample(store);
    const trip = {
      id: "customers:deletes",
      sync,
      guard: "deletes",
      reason: "30 of 100 records would be deleted",
      trippedAtMs: AT,
      approvedAtMs: null,
    };
    await store.tripGuard(trip, null, call);
    expect(await store.listTrips(call)).toEqual([trip]);
    expect(await store.approveTrip(trip.id, AT + 1, call)).toBe(true);
    expect(await store.approveTrip(trip.id, AT + 2, call)).toBe(false);
    expect(await store.approveTrip("other", AT, call)).toBe(false);
    expect(await store.listTrips(call)).toEqual([{ ...trip, approvedAtMs: AT + 1 }]);
    await store.tripGuard(trip, "too many", call);
    expect((await store.listSyncs(call)).map(({ state, stateReason }) => [state, stateReason])).toEqual([["paused", "too many"]]);
    expect(await store.listTrips(call)).toEqual([trip]);
  });
}

function describeProblemsAndFailures(open: () => Promise<Store>): void {
  test("problems are one per record and kind, oldest first, and end together", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    const problem = { sync, side: 0, record: "1", kind: "ambiguous", reason: "two answers", entities: [4, 5], atMs: AT } as const;
    await commit({
      problems: [
        problem,
        { ...problem, kind: "value", atMs: AT - 1, entities: [] },
        { ...problem, reason: "three answers" },
        { ...problem, side: 1 },
      ],
    });
    expect((await store.listProblems(9, call)).map(({ side, kind, reason, entities }) => [side, kind, reason, entities])).toEqual([
      [0, "value", "two answers", []],
      [0, "ambiguous", "three answers", [4, 5]],
      [1, "ambiguous", "two answers", [4, 5]],
    ]);
    await commit({ problemsOver: [{ sync, side: 0, record: "1" }] });
    expect((await store.listProblems(9, call)).map(({ side }) => side)).toEqual([1]);
  });

  test("[S6] a commit that fails in its last part leaves nothing of the others", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    const id = await store.reserveEntities(1, call);
    await store.commitPull(pullOf(sampleMark(sync, "1")), call);
    const [mark] = await store.loadMarks(0, 9, AT, call);
    const twice = [sampleIntent(sync, id, "i1"), sampleIntent(sync, id, "i2")];
    const changes = {
      entities: [{ entity: sampleEntity(sync, id, ["1", null]), keys: ["k", null] }],
      consumed: [mark?.sequence ?? 0],
      due: [sampleDue(sync, id)],
      journal: [sampleEntry(sync, id)],
      intentsOpened: twice,
    };
    await expect(commit(changes)).rejects.toThrow();
    expect(await store.loadEntities([id], call)).toEqual([]);
    expect(await store.countMarks(call)).toBe(1);
    expect(await store.countDue(call)).toEqual([]);
    expect(await store.checkJournal(call)).toEqual({ entries: 0, brokenAt: null });
  });

  test("a call whose signal has aborted reads nothing", async () => {
    const store = await open();
    await expect(store.countMarks({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "ACCORD_CANCELLED" });
  });
}
