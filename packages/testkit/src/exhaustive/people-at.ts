import { planUndo } from "@accord/engine";
import type { NewRequest } from "@accord/engine/store";
import { memoryStore } from "../fake/store/memory-store.ts";
import { UNCANCELLED } from "../bench/engine-bench.ts";
import { Desk } from "./people.ts";
import type { People } from "./people.ts";
import type { Scene } from "./scene.ts";

/** What people and mishaps do to the play itself, rather than to the systems. */
export type Stagecraft = Pick<People, "approve" | "backUpAccord" | "jumpMs" | "restartAccord" | "restoreAccord" | "stall" | "waitMs"> & {
  /** When the act so many before this one began: 0 for this one. Epoch milliseconds. */
  readonly actAtMs: (before: number) => number;
};

/** The people of a scene: at desks they act on systems, by commands they ask Accord. */
export function peopleAt(scene: Scene, { actAtMs, ...stagecraft }: Stagecraft): People {
  const { state, systems, scheduler } = scene;
  const clock = scheduler.clockOf();
  const store = memoryStore(state);
  const desk = (name: string): Desk => {
    const system = systems.find((one) => one.name === name);
    if (system === undefined) throw new RangeError(`no system ${name}`);
    return new Desk(system, (...surprise) => scene.arm(...surprise));
  };
  const ask = async (requests: readonly NewRequest[]): Promise<void> => {
    await store.addRequests(requests, UNCANCELLED);
    scene.noticeOthers();
  };
  const syncOf = (name: string): number => state.syncs.find((sync) => sync.name === name)?.id ?? 0;
  const about = (who: string, kind: NewRequest["kind"], body: unknown): Promise<void> => {
    const entity = [...state.entities.values()].find(({ fields }) => fields[0]?.value === who);
    if (entity === undefined) throw new RangeError(`Accord does not know ${who}`);
    return ask([{ sync: entity.sync, entity: entity.id, kind, body: JSON.stringify(body), run: null, atMs: clock.nowMs() }]);
  };
  return {
    ...stagecraft,
    get crm() {
      return desk("crm");
    },
    get erp() {
      return desk("erp");
    },
    get shop() {
      return desk("shop");
    },
    everywhere: (cells) => {
      for (const { name } of systems) desk(name).add(cells);
    },
    decide: (who, field, value) => about(who, "decide", { field, value }),
    revive: (who) => about(who, "revive", {}),
    link: (who, at, record) => about(who, "link", { side: at.system.name, record }),
    retry: async () => {
      await store.retryParked(null, clock.nowMs(), UNCANCELLED);
      scene.noticeOthers();
    },
    undo: async (acts = 1) => {
      const context = await scene.context(false);
      const items = await planUndo(context, { fromMs: actAtMs(acts), toMs: actAtMs(acts - 1) }, UNCANCELLED);
      const facts = { kind: "undo", run: context.run, atMs: clock.nowMs() } as const;
      await ask(items.map((item) => ({ ...facts, sync: syncOf(item.sync), entity: item.entity, body: JSON.stringify(item) })));
    },
  };
}
