import { Stage, UNCANCELLED } from "@accord/testkit";
import type { Fault } from "@accord/testkit";
import { describe, expect, test } from "vitest";
import type { EngineContext } from "./context.ts";
import { sweep } from "./list.ts";

/** Longer than a request may take, and than the lease of a process that died. */
const LONG_MS = 45_000;
const NEW = { email: "new@x.org", name: "New" };

interface Ground {
  readonly stage: Stage;
  /** The process that found nobody can tell. */
  readonly context: EngineContext;
}

/**
 * A create at the second of two systems, of which nobody can tell whether it happened: the process died in it, and the system has neither proof nor external id. No listing has
 * been made since.
 */
async function unproven(fault: Fault, capabilities: { readonly pageSizeMax?: number } = {}): Promise<Ground> {
  const stage = new Stage({
    systems: [{ name: "crm" }, { name: "erp", capabilities: { proof: false, externalId: false, ...capabilities } }],
  });
  stage.crm.user.insert("customers", { email: "ann@x.org", name: "Ann", amount: "10.00" });
  const first = await stage.goLive();
  stage.crm.user.insert("customers", NEW);
  stage.erp.faults = ({ method }) => (method === "write" ? fault : null);
  await stage.sweepAll(first);
  await stage.drain(first);
  stage.erp.faults = null;
  expect(stage.state.intents.size).toBe(1);
  await stage.clock.advance(LONG_MS);
  const context = await stage.context({ holder: "second" });
  await stage.drain(context);
  await stage.clock.advance(LONG_MS);
  await stage.drain(context);
  expect(stage.state.intents.size).toBe(0);
  return { stage, context };
}

async function parkedCodes({ context }: Ground): Promise<(string | null)[]> {
  return (await context.store.listParked(10, UNCANCELLED)).map(({ code }) => code);
}

/** Lists one side once, and does what follows from it. */
async function listOnce({ stage, context }: Ground, side: number): Promise<void> {
  const [sync] = context.syncs;
  if (sync === undefined) throw new RangeError("no sync");
  await sweep(context, sync, side, UNCANCELLED);
  await stage.drain(context);
}

async function ask({ stage, context }: Ground, kind: "retry" | "link", body: unknown): Promise<void> {
  const [parked] = await context.store.listParked(1, UNCANCELLED);
  await stage.ask(context, { kind, entity: parked?.entity ?? 0, body });
}

const newAtCrm = ({ stage }: Ground): string => stage.idOf(stage.crm, { email: "new@x.org" });
const newAtErp = ({ stage }: Ground): string => stage.idOf(stage.erp, { email: "new@x.org" });

describe("a create whose answer was lost, where nothing proves that it happened", () => {
  test("[S35] a create whose outcome nobody can tell is parked, and nothing is owed to that side while its entity changes [I4]", async () => {
    const ground = await unproven({ kind: "lostReply" });
    expect(await parkedCodes(ground)).toEqual(["ACCORD_UNPROVEN"]);
    const writes = ground.stage.writes(ground.stage.erp);
    ground.stage.crm.user.update("customers", newAtCrm(ground), { name: "Newer" });
    await listOnce(ground, 0);
    expect(ground.stage.writes(ground.stage.erp)).toBe(writes);
    expect(await parkedCodes(ground)).toEqual(["ACCORD_UNPROVEN"]);
  });

  test("[S35] its record is adopted once it is seen, and what was changed meanwhile flows on [I4]", async () => {
    const ground = await unproven({ kind: "lostReply" });
    ground.stage.crm.user.update("customers", newAtCrm(ground), { name: "Newer" });
    await ground.stage.settle(ground.context);
    expect(ground.stage.rows(ground.stage.erp)).toEqual(["ann@x.org|Ann|10.00", "new@x.org|Newer|"]);
    expect(ground.stage.crm.records("customers").size).toBe(2);
    expect(await parkedCodes(ground)).toEqual([]);
    expect(await ground.stage.differences(ground.context)).toEqual([]);
  });

  test("[S35] a user's edit of it is an edit, whoever owns the field [I2]", async () => {
    const ground = await unproven({ kind: "lostReply" });
    ground.stage.erp.user.update("customers", newAtErp(ground), { name: "Nova" });
    await ground.stage.settle(ground.context);
    expect(ground.stage.rows(ground.stage.crm)).toEqual(["ann@x.org|Ann|10.00", "new@x.org|Nova|"]);
    expect(ground.stage.rows(ground.stage.erp)).toEqual(["ann@x.org|Ann|10.00", "new@x.org|Nova|"]);
  });

  test("[S35] it is found by what was asked for, although its entity has another match key by now [I4]", async () => {
    const ground = await unproven({ kind: "lostReply" });
    ground.stage.crm.user.update("customers", newAtCrm(ground), { email: "newer@x.org" });
    await ground.stage.settle(ground.context);
    expect(ground.stage.rows(ground.stage.erp)).toEqual(["ann@x.org|Ann|10.00", "newer@x.org|New|"]);
    expect(ground.stage.crm.records("customers").size).toBe(2);
  });

  test("[S11, S35] a complete listing that lacks it shows that nothing was made: then it is owed again, once", async () => {
    const ground = await unproven({ kind: "lostRequest" });
    await listOnce(ground, 1);
    expect(ground.stage.rows(ground.stage.erp)).toEqual(["ann@x.org|Ann|10.00", "new@x.org|New|"]);
    expect(await parkedCodes(ground)).toEqual([]);
    await ground.stage.settle(ground.context);
    expect(await ground.stage.differences(ground.context)).toEqual([]);
  });

  test("[S11] a listing that was cut short shows nothing", async () => {
    const ground = await unproven({ kind: "lostRequest" }, { pageSizeMax: 1 });
    ground.stage.erp.faults = ({ method }) => (method === "list" ? { kind: "truncatedPage" } : null);
    await listOnce(ground, 1);
    expect(await parkedCodes(ground)).toEqual(["ACCORD_UNPROVEN"]);
  });

  test("[S35] a listing that began before the create was tried again shows nothing of the later try [I4]", async () => {
    const ground = await unproven({ kind: "lostRequest" });
    await ask(ground, "retry", { side: "erp", incarnation: 17 });
    expect(await parkedCodes(ground)).toEqual(["ACCORD_UNPROVEN"]);
  });

  test("[S35] a person who has looked for it says that there is none: it is made", async () => {
    const ground = await unproven({ kind: "lostRequest" });
    await ask(ground, "retry", { side: "erp", incarnation: null });
    expect(ground.stage.rows(ground.stage.erp)).toEqual(["ann@x.org|Ann|10.00", "new@x.org|New|"]);
  });

  test("[S36] two records that may be it are a person's to tell apart, and it is made no third time", async () => {
    const ground = await unproven({ kind: "lostReply" });
    ground.stage.erp.user.insert("customers", { email: "new@x.org", name: "Twin" });
    await ground.stage.settle(ground.context);
    await ground.stage.settle(ground.context);
    expect(ground.stage.erp.records("customers").size).toBe(3);
    expect((await ground.context.store.listProblems(10, UNCANCELLED)).map(({ kind }) => kind)).toEqual(["ambiguous", "ambiguous"]);
    const record = ground.stage.idOf(ground.stage.erp, { email: "new@x.org", name: "Twin" });
    await ask(ground, "link", { side: "erp", record });
    expect(ground.stage.rows(ground.stage.crm)).toEqual(["ann@x.org|Ann|10.00", "new@x.org|Twin|"]);
  });

  test("[S38] a delete of its entity reaches the record once it is seen [I5]", async () => {
    const ground = await unproven({ kind: "lostReply" });
    ground.stage.crm.user.delete("customers", newAtCrm(ground));
    await ground.stage.settle(ground.context);
    await ground.stage.settle(ground.context);
    expect(ground.stage.rows(ground.stage.erp)).toEqual(["ann@x.org|Ann|10.00"]);
    expect(ground.stage.rows(ground.stage.crm)).toEqual(["ann@x.org|Ann|10.00"]);
    expect(await parkedCodes(ground)).toEqual([]);
  });

  test("[S38] a delete of its entity that met an edit of the record is decided by the rule [I2]", async () => {
    const ground = await unproven({ kind: "lostReply" });
    ground.stage.crm.user.delete("customers", newAtCrm(ground));
    ground.stage.erp.user.update("customers", newAtErp(ground), { name: "Nova" });
    await ground.stage.settle(ground.context);
    await ground.stage.settle(ground.context);
    expect(ground.stage.rows(ground.stage.erp)).toEqual(["ann@x.org|Ann|10.00", "new@x.org|Nova|"]);
    expect(ground.stage.rows(ground.stage.crm)).toEqual(["ann@x.org|Ann|10.00", "new@x.org|Nova|"]);
  });

  test("[S38] a deleted entity of which nothing was made is over", async () => {
    const ground = await unproven({ kind: "lostRequest" });
    ground.stage.crm.user.delete("customers", newAtCrm(ground));
    await ground.stage.settle(ground.context);
    await ground.stage.settle(ground.context);
    expect(ground.stage.rows(ground.stage.erp)).toEqual(["ann@x.org|Ann|10.00"]);
    expect(await parkedCodes(ground)).toEqual([]);
  });
});
