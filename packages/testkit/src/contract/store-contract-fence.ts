import { writeImage } from "@accord/core";
import type { DueKey, StagedPage, Store } from "@accord/engine/store";
import { expect, test } from "vitest";
import { AT, call, CONFIGURATION, sampleMark } from "./store-samples.ts";

/** What a process that was held up may still write: nothing. */
export function describeStoreFence(open: () => Promise<Store>): void {
  test("[S54] a fence refuses every write of a handle whose lease another has had since, its reads and leases not, and nobody else's", async () => {
    const store = await open();
    const other = await open();
    const { id: sync } = await store.openSync("customers", CONFIGURATION, call);
    const stale = await store.takeLease("engine", "a", AT + 100, AT, call);
    store.fenceBy(stale);
    const plan = await store.startPlan({ run: await store.startRun({ kind: "plan", startedAtMs: AT }, call), createdAtMs: AT }, call);
    const second = await other.takeLease("engine", "b", AT + 500, AT + 101, call);
    other.fenceBy(second);
    const due: DueKey = { sync, side: 0, entity: 1 };
    const page: StagedPage = {
      sync,
      side: 0,
      ids: ["1"],
      images: [writeImage(["1", null])],
      keys: [["ann"]],
      said: [null],
      provenance: { side: 0, cause: "initial", fromMs: 0, toMs: AT },
      position: "p",
      atMs: AT,
      listing: { side: 0, state: "running", after: "1", completedAtMs: null },
    };
    const trip = { id: "one", sync, guard: "deletes", reason: "many", trippedAtMs: AT, approvedAtMs: null };
    const writes: readonly (() => Promise<unknown>)[] = [
      () => store.commitPull({ marks: [sampleMark(sync, "9")], cursor: null, listing: null }, call),
      () => store.openSync("customers", { ...CONFIGURATION, digest: "two" }, call),
      () => store.setSyncState(sync, "planned", null, call),
      () => store.writeConnection({ connection: "crm", cursor: null, epoch: "one", state: "active", reason: null }, call),
      () => store.makeDurable(call),
      () => store.reserveEntities(1, call),
      () => store.addRequests([{ sync, entity: 1, kind: "decide", body: "{}", run: null, atMs: AT }], call),
      () => store.startRun({ kind: "apply", startedAtMs: AT }, call),
      () => store.addOperations(plan, [], call),
      () => store.finishPlan(plan, "{}", call),
      () => store.releaseDue(sync, [due], AT, call),
      () => store.retryParked([due], AT, call),
      () => store.tripGuard(trip, null, call),
      () => store.approveTrip("one", AT, call),
      () => store.fallBehind(1, call),
      () => store.acknowledgeRestore(call),
      () => store.firstContact.stage(page, call),
      () => store.firstContact.group(sync, call),
      () => store.firstContact.finish(sync, call),
    ];
    for (const write of writes) await expect(write()).rejects.toMatchObject({ code: "ACCORD_TAKEN_OVER", remedy: "stop" });
    expect(await store.listSyncs(call)).toMatchObject([{ version: 1, state: "new", listings: [{ state: "none" }, { state: "none" }] }]);
    expect(await store.countMarks(call)).toBe(0);
    expect(await store.latestPlan(call)).toMatchObject({ summary: null });
    await other.setSyncState(sync, "live", null, call);
    expect(await store.listSyncs(call)).toMatchObject([{ state: "live" }]);
    // What it takes anew does not open the fence: what it had read before is as stale as ever.
    if (second !== null) await other.releaseLease(second, call);
    expect(await store.takeLease("engine", "a", AT + 900, AT + 501, call)).not.toBeNull();
    await expect(store.setSyncState(sync, "paused", null, call)).rejects.toMatchObject({ code: "ACCORD_TAKEN_OVER" });
    store.fenceBy(null);
    await store.setSyncState(sync, "paused", null, call);
    expect(await store.listSyncs(call)).toMatchObject([{ state: "paused" }]);
  });
}
