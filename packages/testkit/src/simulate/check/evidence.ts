import type { FakeSystem } from "../../fake/system.ts";
import type { FakeChange } from "../../fake/history.ts";
import type { SimulatedWorld } from "../world.ts";
import { groupShown } from "../setting.ts";
import { OBJECT } from "../users.ts";

/** One change as the checkers read it: cells by column, and which thing it is about. Built from the systems' own histories, never from Accord's records. */
export interface Told {
  readonly system: number;
  readonly sequence: number;
  readonly atMs: number;
  readonly record: string;
  /** The e-mail that people know the thing by. */
  readonly thing: string;
  readonly kind: FakeChange["kind"];
  readonly isUser: boolean;
  /** Of Accord's writes. */
  readonly intent: string | null;
  readonly before: Cells | null;
  readonly after: Cells | null;
}

export type Cells = Readonly<Record<string, string | null>>;

/** Everything that happened at the systems, and how they are now. */
export interface Evidence {
  readonly world: SimulatedWorld;
  /** By system, in the order of commits. */
  readonly told: readonly (readonly Told[])[];
  /** By system: records by thing. */
  readonly now: readonly ReadonlyMap<string, Cells>[];
  /** What people know of, but for `twins`. */
  readonly things: ReadonlySet<string>;
  /**
   * Things that people entered in several systems, and that one of them shows twice: Accord's record and a person's, made at the same moment where nothing forbids it. They
   * are two until a person says otherwise. And things of which a process that was held up past its lease sent a create after all, where no id of ours makes the system refuse it. [S32]
   */
  readonly twins: ReadonlySet<string>;
}

export function evidenceOf(world: SimulatedWorld): Evidence {
  const told = world.systems.map((system, index) => system.history.changes.map((change) => toldOf(system, index, change)));
  const now = world.systems.map((system) => {
    const records = new Map<string, Cells>();
    for (const cells of system.records(OBJECT).values()) records.set(cells["email"] ?? "", withGroup(cells));
    return records;
  });
  const all = new Set(told.flat().map(({ thing }) => thing));
  const twins = new Set([...all].filter((thing) => isTwice(world, told, thing)));
  const things = new Set([...all].filter((thing) => !twins.has(thing)));
  return { world, told: told.map((changes) => changes.filter(({ thing }) => things.has(thing))), now, things, twins };
}

function isTwice(world: SimulatedWorld, told: Evidence["told"], thing: string): boolean {
  if (!world.systems.some((system) => recordsOf(system, thing) > 1)) return false;
  const inserts = told.flat().filter((one) => one.kind === "insert" && one.thing === thing);
  return inserts.filter(({ isUser }) => isUser).length > 1 || inserts.some((one) => isTooLate(world, one));
}

/** Whether a create came to its system after its intent had been closed, at a time when no request can come any more but that of a process which slept. */
function isTooLate(world: SimulatedWorld, { intent, system, atMs }: Told): boolean {
  const { script, systems } = world.setting;
  if (intent === null || systems[system]?.externalId === true || !script.some(({ kind }) => kind === "stall")) return false;
  const closed = world.state.journal.find(({ payload }) => payload.includes(`"kind":"create","intent":"${intent}"`));
  return closed !== undefined && (closed.atMs <= atMs || script.some(({ kind }) => kind === "clockJump"));
}

/** How many records of a thing a system shows. */
export function recordsOf(system: FakeSystem, thing: string): number {
  return [...system.records(OBJECT).values()].filter(({ email }) => email === thing).length;
}

function toldOf(system: FakeSystem, index: number, change: FakeChange): Told {
  const { columns } = system.table(OBJECT).shape.object;
  const cells = (row: FakeChange["after"]): Cells | null =>
    row === null ? null : withGroup(Object.fromEntries(columns.map(({ name }, place) => [name, row[place] ?? null])));
  const [before, after] = [cells(change.before), cells(change.after)];
  const { sequence, atMs, record, kind, author } = change;
  const thing = after?.["email"] ?? before?.["email"] ?? "";
  const isUser = author.kind === "user";
  return {
    system: index,
    sequence,
    atMs,
    record,
    thing,
    kind,
    isUser,
    intent: author.kind === "accord" ? author.intent : null,
    before,
    after,
  };
}

/** A group beside its parts, so that it is looked at as one value. [S16] */
function withGroup(cells: Cells): Cells {
  return { ...cells, place: groupShown(cells) };
}

/** The changes of one field that a change made. */
export function changedFields({ before, after }: Told): readonly string[] {
  if (after === null) return [];
  return Object.keys(after).filter((name) => name !== "id" && (before?.[name] ?? null) !== (after[name] ?? null));
}

/** What people did to a thing, at all systems. */
export function userTold({ told }: Evidence, thing: string): readonly Told[] {
  return told.flat().filter((one) => one.isUser && one.thing === thing);
}

/** Whether a record is one that Accord asked for without hearing that it was made, at a system that can tell neither that nor whose it is. [S35] */
export function isUnproven({ world }: Evidence, { intent, system }: Told): boolean {
  const { proof, externalId } = world.setting.systems[system] ?? { proof: true, externalId: true };
  if (proof || externalId) return false;
  return world.state.journal.some(({ payload }) => payload.includes(`"kind":"create","intent":"${intent ?? ""}"`));
}

/** Fields that wait for a person, by thing: exempt from convergence. [S23] Read from Accord, since only Accord knows what it asks. */
export function frozenFields({ world }: Evidence): ReadonlySet<string> {
  const frozen = new Set<string>();
  for (const entity of world.state.entities.values()) {
    const thing = entity.fields[0]?.value ?? "";
    entity.fields.forEach(({ review }, field) => {
      if (review !== null) frozen.add(`${thing} ${world.setting.fields[field]?.name ?? ""}`);
    });
  }
  return frozen;
}

/** Things that wait for a person as a whole: a delete that met an update, or a match that is not certain. [S36, S38] */
export function heldThings({ world }: Evidence): ReadonlySet<string> {
  const held = new Set<string>();
  for (const entity of world.state.entities.values()) if (entity.review !== null) held.add(entity.fields[0]?.value ?? "");
  for (const problem of world.state.problems.values()) {
    const system = world.systems[problem.side];
    held.add(system?.record(OBJECT, problem.record)?.["email"] ?? "");
    for (const id of problem.entities) held.add(world.state.entities.get(id)?.fields[0]?.value ?? "");
  }
  for (const due of world.state.due.values()) {
    if (due.state === "parked" || due.code === "ACCORD_CONTESTED") held.add(world.state.entities.get(due.entity)?.fields[0]?.value ?? "");
  }
  return held;
}
