import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fakeHost, Stage, UNCANCELLED } from "@accord/testkit";
import { applyPlan, makePlan, releaseLeases, verify } from "@accord/engine";
import type { Store } from "@accord/engine/store";
import { afterEach, expect, test } from "vitest";
import { openSqliteStore } from "./store.ts";

const ALL = { sample: null, entities: null };
const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** Records of which most are at one system alone. */
function stageOf(seed: number): Stage {
  const stage = new Stage({ limits: { pushBatch: 3 } });
  for (let index = 0; index < 40; index += 1) {
    const name = index % 7 === seed % 7 ? null : `N\t${index}`;
    const amount = index % 5 === 0 ? "2.50" : null;
    stage.crm.user.insert("customers", { email: `u${index}@x.org`, name, amount });
    if (index % 9 === seed % 9) stage.erp.user.insert("customers", { email: `u${index}@x.org`, name: "Erp" });
  }
  return stage;
}

/** What a plan and its application leave in a store file; of the journal, what is told of each entity. */
async function endOf(seed: number, wrap: (store: Store) => Store, crashAt: number | null = null): Promise<unknown> {
  const folder = mkdtempSync(join(tmpdir(), "accord-creates-"));
  folders.push(folder);
  const path = join(folder, "accord.db");
  const stage = stageOf(seed);
  let store = await openSqliteStore({ path, ...fakeHost({ seed }) });
  const wrapStore = (): Store => wrap(store);
  const planning = await stage.context({ wrapStore, mayWrite: false });
  const { plan, summary } = await makePlan(planning, UNCANCELLED);
  await releaseLeases(planning, UNCANCELLED);
  if (crashAt !== null) {
    let commits = 0;
    const dying = (): Store => ({
      ...wrap(store),
      commit: async (...all) => {
        commits += 1;
        if (commits > crashAt) throw new RangeError("the process died");
        await store.commit(...all);
      },
    });
    const context = await stage.context({ holder: "dying", wrapStore: dying });
    await expect(applyPlan(context, plan, summary, ALL, UNCANCELLED)).rejects.toThrow("the process died");
    await store.close();
    store = await openSqliteStore({ path, ...fakeHost({ seed: seed + 1 }) });
    await stage.clock.advance(60_000);
  }
  const context = await stage.context({ wrapStore, holder: "last" });
  // What the dead process left open is waited for. [S31]
  const applied = await stage.drive(applyPlan(context, plan, summary, ALL, UNCANCELLED));
  const entities = await store.listEntities(1, null, 1_000, UNCANCELLED);
  const journal = await store.readJournal({ kinds: ["write"], limit: 1_000 }, UNCANCELLED);
  expect((await store.checkJournal(UNCANCELLED)).brokenAt).toBeNull();
  const end = {
    changed: applied.changed,
    entities: entities.map(({ members, ...entity }) => ({
      ...entity,
      members: members.map((member) => member && { ...member, record: null, position: null, seenAtMs: 0 }),
    })),
    journal: journal
      .map(({ entity, side, payload }) => `${entity} ${side} ${payload.replace(/"(intent|record)":"[^"]*"/g, "")}`)
      .toSorted(),
    due: await store.countDue(UNCANCELLED),
    counts: { ...(await store.countState(UNCANCELLED)), journalEntries: 0, bytes: 0 },
    rows: stage.systems.map((system) => stage.rows(system)),
    differences: (await verify(context, () => {}, UNCANCELLED)).differences,
  };
  await store.close();
  return end;
}

function atLength(store: Store): Store {
  return { ...store, listPlannable: (query, options) => store.listDue(query, options) };
}

test("[S28] [S29] [S60] creates of a plan end in the file as those that go the ordinary way", async () => {
  for (let seed = 1; seed <= 6; seed += 1) {
    let landed = 0;
    const counting = (store: Store): Store => ({
      ...store,
      commit: async (leases, changes, options) => {
        landed += changes.landed?.length ?? 0;
        await store.commit(leases, changes, options);
      },
    });
    expect(await endOf(seed, counting), `seed ${seed}`).toEqual(await endOf(seed, atLength));
    expect(landed).toBeGreaterThan(20);
  }
});

test("[S60] [I7] and so they do where the process died in the middle", async () => {
  const whole = await endOf(1, (store) => store);
  // A write that recovery found to have landed is told without what its answer would have said.
  for (const crashAt of [0, 1, 2, 3, 7]) {
    const end = await endOf(1, (store) => store, crashAt);
    expect(end, `at commit ${crashAt}`).toMatchObject({ changed: [], rows: (whole as { rows: unknown }).rows, due: [], differences: 0 });
  }
});
