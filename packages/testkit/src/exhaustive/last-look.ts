import { drainUntilQuiet, sweep, verify } from "@accord/engine";
import type { EngineContext } from "@accord/engine";
import { UNCANCELLED } from "../bench/engine-bench.ts";
import type { FakeChange } from "../fake/history.ts";
import type { FakeSystem } from "../fake/system.ts";
import { THINGS } from "./people.ts";
import type { Scene } from "./scene.ts";

/** Until the leases of whoever worked last have ended, and what is put off for a while has come up. Milliseconds. */
const REST_MS = 60_000;

/** What a look at everything finds, once all is at rest. */
export interface LastLook {
  /** What must not be, however a scenario ends. */
  readonly violations: readonly string[];
  /** What `verify` finds: what people left to themselves, and what waits for them. */
  readonly differences: readonly string[];
}

/**
 * Looks at everything once more: another sweep of all sides writes nothing [I6], what nobody maps is as people left it [I12], every write of Accord's has its cause in the journal [I14].
 * `causesFrom`, by system: the causes of writes up to this place of its history were in a store that is lost. [S58]
 */
export async function lookAtAll(scene: Scene, causesFrom: readonly number[]): Promise<LastLook> {
  const { scheduler, systems } = scene;
  await scene.carry(scheduler.clockOf().sleep(REST_MS, UNCANCELLED));
  const before = systems.map(({ history }) => history.last);
  const differences = await scene.carry(sweepAndVerify(await scene.context(true)));
  const rewritten = systems.filter(({ history }, side) => history.last !== before[side]);
  return {
    violations: [
      ...rewritten.map(({ name }) => `[I6] another sweep made Accord write to ${name}`),
      ...systems.flatMap((system, side) => wrongWrites(scene, system, causesFrom[side] ?? 0)),
    ],
    differences: differences.toSorted(),
  };
}

async function sweepAndVerify(context: EngineContext): Promise<string[]> {
  for (const sync of context.syncs) for (const side of sync.objects.keys()) await sweep(context, sync, side, UNCANCELLED);
  await drainUntilQuiet(context, UNCANCELLED);
  const differences: string[] = [];
  await verify(
    context,
    ({ kind, side, record, field }) => differences.push([kind, side, record ?? "-", field ?? "-"].join(" ")),
    UNCANCELLED,
  );
  return differences;
}

function wrongWrites({ state }: Scene, { name, history, tables }: FakeSystem, causesFrom: number): readonly string[] {
  const journal = state.journal.map(({ payload }) => payload).join("\n");
  const note = tables.get(THINGS)?.shape.placeOf("note") ?? -1;
  return history.changes.flatMap((change) => {
    if (change.author.kind !== "accord") return [];
    const isNoteWritten =
      change.object === THINGS && change.before !== null && change.after !== null && change.before[note] !== change.after[note];
    return [
      ...(isNoteWritten ? [`[I12] note was written at ${name}`] : []),
      ...(change.sequence <= causesFrom || hasCause(change, change.author.intent, journal)
        ? []
        : [`[I14] ${change.kind} of ${change.record} at ${name} has no cause in the journal`]),
    ];
  });
}

/** A create that landed unseen is adopted by the next try, under that one's name. [S35] */
function hasCause({ kind, record }: FakeChange, intent: string, journal: string): boolean {
  return journal.includes(intent) || (kind === "insert" && journal.includes(`"kind":"create","record":"${record}"`));
}
