import { Stage, UNCANCELLED } from "@accord/testkit";
import type { StoreMark } from "@accord/engine/connector";
import { expect, test } from "vitest";
import { keepSigning, laterMark, sign, signatureOf, signPatiently } from "./sign.ts";

async function signed() {
  const stage = new Stage();
  stage.crm.user.insert("customers", { email: "ann@x.org", name: "Ann" });
  const context = await stage.goLive();
  for (const connection of context.connections.values())
    await connection.writeMark(await signatureOf(context.store, context.identity, UNCANCELLED), UNCANCELLED);
  const marks = (): Promise<(StoreMark | null)[]> =>
    Promise.all([...context.connections.values()].map((connection) => connection.readMark(UNCANCELLED)));
  const change = async (name: string): Promise<void> => {
    stage.crm.user.update("customers", "1", { name });
    await stage.settle(context);
  };
  return { stage, context, marks, change };
}

test("[S58] a signature says how far the journal has come, and one that has come further is a later state of the store", async () => {
  const { context, marks, change } = await signed();
  const [before] = await marks();
  expect(await laterMark(context.store, context.identity, context.connections, UNCANCELLED)).toBe(null);
  await change("Anna");
  await sign(context, UNCANCELLED);
  const [after, other] = await marks();
  expect(after?.revision).toBeGreaterThan(before?.revision ?? 0);
  expect(other).toEqual(after);
  const [crm] = context.connections.values();
  const ahead = { storeId: context.identity.storeId, generation: context.identity.generation, revision: (after?.revision ?? 0) + 1 };
  await crm?.writeMark(ahead, UNCANCELLED);
  expect(await laterMark(context.store, context.identity, context.connections, UNCANCELLED)).toEqual(ahead);
});

test("[S58] another store's mark is left alone, a restored store does not sign, and a system that is away is signed the next time", async () => {
  const { stage, context, marks, change } = await signed();
  const [crm] = context.connections.values();
  const foreign = { storeId: "another", generation: 3 };
  await crm?.writeMark(foreign, UNCANCELLED);
  const [, before] = await marks();
  await change("Anna");
  await signPatiently({ ...context, identity: { ...context.identity, restored: true } }, UNCANCELLED);
  expect(await marks()).toEqual([foreign, before]);
  stage.erp.faults = ({ method }) => (method === "writeMark" ? { kind: "unavailable" } : null);
  await signPatiently(context, UNCANCELLED);
  stage.erp.faults = null;
  expect(await marks()).toEqual([foreign, before]);
  await signPatiently(context, UNCANCELLED);
  expect((await marks())[1]?.revision).toBeGreaterThan(before?.revision ?? 0);
});

test("[S58] a live run signs every minute, until it ends", async () => {
  const { stage, context, marks, change } = await signed();
  const [before] = await marks();
  await change("Anna");
  const stop = new AbortController();
  const signing = keepSigning(context, { signal: stop.signal });
  await stage.clock.advance(59_999);
  expect(await marks()).toEqual([before, before]);
  await stage.clock.advance(1);
  expect((await marks())[0]?.revision).toBeGreaterThan(before?.revision ?? 0);
  stop.abort();
  await signing;
});
