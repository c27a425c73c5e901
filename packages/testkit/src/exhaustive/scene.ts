import type { Policy } from "@accord/core";
import type { EngineContext } from "@accord/engine";
import { engineBench, UNCANCELLED } from "../bench/engine-bench.ts";
import type { BenchField, BenchSide, BenchSync } from "../bench/model.ts";
import type { FakeCall, Fault } from "../fake/faults.ts";
import { seededRandom } from "../fake/random.ts";
import type { FakeColumn, FakeObject } from "../fake/shape.ts";
import { createFakeSystem } from "../fake/system.ts";
import type { FakeSystem } from "../fake/system.ts";
import { fakeHost } from "../fake/host.ts";
import { MemoryState } from "../fake/store/memory-state.ts";
import { memoryStore } from "../fake/store/memory-store.ts";
import type { Premises } from "../simulate/process.ts";
import { promisesAtRest, Scheduler } from "../simulate/scheduler.ts";
import type { Choice } from "../simulate/scheduler.ts";
import { COMPANIES, THINGS } from "./people.ts";
import type { Surprise } from "./people.ts";
import type { FieldTraits, Scenario, SystemTraits } from "./scenario.ts";

/** Sweeps come this often where a scenario has any. Milliseconds. */
const SWEEP_MS = 4_000;
const NEVER_MS = 1_000_000_000;
const SOON_MS = 2_000;

/** Whoever waited first goes first, and time passes only when nobody can go on. */
const IN_TURN: Choice = {
  chance: () => false,
  pick(items) {
    const [first] = items;
    if (first === undefined) throw new RangeError("Nothing to pick from.");
    return first;
  },
};

/** The first system that is named owns it. */
const OWNER: Policy = { kind: "owner", ranks: [], revert: false, fill: false, blanks: [], verified: null };

/** Where a scenario is played: its systems, Accord's store, and what is about to go wrong. */
export class Scene {
  readonly scenario: Scenario;
  readonly scheduler = new Scheduler(IN_TURN);
  readonly systems: readonly FakeSystem[];
  readonly state = new MemoryState();
  readonly premises: Premises;
  /** Surprises that have come so far, and when. */
  readonly struck: string[] = [];
  readonly #surprises = new Map<string, Surprise[]>();

  constructor(scenario: Scenario) {
    this.scenario = scenario;
    const clock = this.scheduler.clockOf();
    this.systems = Object.entries(traitsOf(scenario)).map(([name, traits]) =>
      createFakeSystem({
        name,
        ...traits.options,
        capabilities: { requestDeadlineMs: 1_000, ...traits.can },
        objects: [...(scenario.hasCompanies === true ? [companyOf(scenario, traits)] : []), thingOf(scenario, traits)],
        clock,
        random: seededRandom(1).fork(name),
        faults: (call) => this.#strike(call),
      }),
    );
    this.premises = {
      scheduler: this.scheduler,
      systems: this.systems,
      state: this.state,
      syncs: [
        ...(scenario.hasCompanies === true ? [this.#syncOf(COMPANIES, companyFields(scenario), [["code"]])] : []),
        this.#syncOf(THINGS, fieldsOf(scenario), [["who"]]),
      ],
      limits: { retryDelayMsMax: 5_000, ...scenario.limits },
      sweepMs: this.isSwept ? SWEEP_MS : NEVER_MS,
      ...(scenario.settings === undefined ? {} : { settings: scenario.settings }),
      seed: 1,
    };
  }

  /** Whether rest means that every side was swept. */
  get isSwept(): boolean {
    return this.scenario.sweeps ?? Object.values(traitsOf(this.scenario)).some(({ can }) => can?.capture === "sweep");
  }

  arm(system: FakeSystem, method: FakeCall["method"], surprise: Surprise): void {
    const key = `${system.name} ${method}`;
    this.#surprises.set(key, [...(this.#surprises.get(key) ?? []), surprise]);
  }

  async install(): Promise<void> {
    for (const system of this.systems) await system.connect().install([...system.tables.keys()], "do", UNCANCELLED);
  }

  /** Ids come to differ between systems, so that one that was copied would be seen. */
  spendIds(): void {
    for (const { tables, user } of this.systems.slice(1)) {
      for (const { object } of [...tables.values()].map(({ shape }) => shape))
        if (object.key[0] === "id") user.delete(object.name, user.insert(object.name, {}));
    }
  }

  /** Whether a log has told what Accord has not taken over yet. */
  get isBehind(): boolean {
    return this.systems.some(({ name, history, options }) => {
      const cursor = this.state.connections.get(name)?.cursor;
      return options.capabilities?.capture !== "sweep" && cursor !== `after:${history.last}`;
    });
  }

  /** Whether anything is to be written, now or later, that no person is asked about. */
  get isDue(): boolean {
    const { state } = this;
    if (state.syncs.some((sync) => sync.state !== "live" && sync.state !== "paused")) return true;
    return [...state.due.values()].some(
      (due) => due.state === "ready" && due.code !== "ACCORD_CONTESTED" && state.sync(due.sync).state !== "paused",
    );
  }

  /** Whether something asked for is to be carried out: what a guard stops is put off until a person has approved. */
  get isAsked(): boolean {
    const soonMs = this.scheduler.clockOf().nowMs() + SOON_MS;
    const isStopped = this.state.syncs.some(({ state }) => state === "paused");
    return [...this.state.requests.values()].some(({ notBeforeMs }) => !isStopped || (notBeforeMs ?? 0) <= soonMs);
  }

  /** Whether every side was listed to its end since. Epoch milliseconds. */
  isSweptSince(sinceMs: number): boolean {
    const listings = this.state.syncs.flatMap((sync) => sync.listings);
    return listings.every(({ state, completedAtMs }) => state === "done" && (completedAtMs ?? 0) > sinceMs);
  }

  /** The engine without turns of its own, for what is no part of the play. */
  context(mayWrite: boolean): Promise<EngineContext> {
    const { syncs, limits, settings, sweepMs } = this.premises;
    return engineBench({
      host: { ...fakeHost(), clock: this.scheduler.clockOf() },
      store: memoryStore(this.state),
      connections: this.systems.map((system) => system.connect()),
      syncs,
      limits,
      settings: { ...settings, sweepMs },
      mayWrite,
      holder: "the stage",
    });
  }

  /** Carries such work to its end. */
  async carry<Result>(work: Promise<Result>): Promise<Result> {
    const state = { isDone: false };
    const watched = work.finally(() => {
      state.isDone = true;
    });
    watched.catch(() => {});
    await promisesAtRest();
    while (!state.isDone) {
      if (!(await this.scheduler.step())) throw new Error("nothing moves any more");
      await promisesAtRest();
    }
    return watched;
  }

  /** A running process sees that somebody else has written to the store. */
  noticeOthers(): void {
    this.state.counter += 1;
  }

  #strike(call: FakeCall): Fault | null {
    const key = `${call.system} ${call.method}`;
    const surprise = this.#surprises.get(key)?.shift();
    if (surprise === undefined) return null;
    this.struck.push(`${this.scheduler.elapsedMs} ${key}`);
    surprise.act?.();
    return surprise.fault;
  }

  #syncOf(object: string, fields: readonly BenchField[], match: BenchSync["match"]): BenchSync {
    const traits = traitsOf(this.scenario);
    return {
      name: object,
      fields,
      match,
      deletes: { do: "archive", conflict: "update-wins" },
      ...(object === THINGS ? this.scenario.sync : {}),
      sides: this.systems.map((system): BenchSide => {
        const { schema } = system.table(object).shape;
        return {
          connection: system.name,
          object,
          key: schema.key[0] ?? "",
          codecOf(column) {
            const codec = schema.columns.find(({ name }) => name === column)?.codec;
            if (codec === null || codec === undefined) throw new RangeError(column);
            return codec;
          },
          ...(object === THINGS ? traits[system.name]?.side : {}),
          ...(object === COMPANIES && traits[system.name]?.mergesCompanies === true ? MERGED_COMPANIES : {}),
        };
      }),
    };
  }
}

/** The fields of things, `who` first. */
export function fieldsOf({ fields }: Scenario): readonly BenchField[] {
  const given: readonly (readonly [string, FieldTraits])[] = Object.entries(fields ?? { name: {} });
  return [{ name: "who", policy: OWNER }, ...given.map(([name, traits]) => ({ policy: OWNER, ...traits, name }))];
}

/** The columns of a field at a system, by its place. */
export function columnsOf({ name, parts, columns }: BenchField, side: number): readonly string[] {
  if (parts !== undefined) return parts;
  const column = columns === undefined ? name : (columns[side] ?? null);
  return column === null ? [] : [column];
}

function traitsOf({ systems }: Scenario): Readonly<Record<string, SystemTraits>> {
  const { crm, erp, ...others } = systems ?? {};
  return { crm: crm ?? {}, erp: { ...erp, can: { capture: "touched", ...erp?.can } }, ...others };
}

const MERGED_COMPANIES: Pick<BenchSide, "merged"> = { merged: { column: "merged_into", isWritten: false } };

/** The fields of companies, `code` first. */
export function companyFields({ hasHeads }: Scenario): readonly BenchField[] {
  const head: BenchField = { name: "head", reference: THINGS, rules: { later: true } };
  return hasHeads === true ? [{ name: "code" }, head] : [{ name: "code" }];
}

function companyOf({ hasHeads }: Scenario, { isLoose }: SystemTraits): FakeObject {
  const columns: readonly FakeColumn[] = [
    { name: "id", type: "integer", generated: true },
    { name: "code", type: "text", nullable: true },
    { name: "merged_into", type: "text", nullable: true },
  ];
  if (hasHeads !== true) return { name: COMPANIES, key: ["id"], columns };
  return {
    name: COMPANIES,
    key: ["id"],
    columns: [...columns, { name: "head", type: "integer", nullable: true }],
    references: isLoose === true ? [] : [{ columns: ["head"], object: THINGS, objectColumns: ["id"] }],
  };
}

/** What a system demands of the things that name others. */
function referencesOf(scenario: Scenario, { isLoose }: SystemTraits): NonNullable<FakeObject["references"]> {
  if (isLoose === true) return [];
  return fieldsOf(scenario).flatMap(({ name, reference }) =>
    reference === undefined ? [] : [{ columns: [name], object: reference, objectColumns: ["id"] }],
  );
}

function thingOf(scenario: Scenario, traits: SystemTraits): FakeObject {
  const ofFields = fieldsOf(scenario).flatMap((field) =>
    [...new Set(Object.keys(traitsOf(scenario)).flatMap((_, side) => columnsOf(field, side)))].map((name) => ({
      name,
      type: typeOf(field),
    })),
  );
  const named = new Set(ofFields.map(({ name }) => name));
  const extra = Object.keys(traits.columns ?? {}).filter((name) => !named.has(name));
  const isKeyed = traits.isKeyedByWho === true;
  const columns: readonly FakeColumn[] = [
    ...(isKeyed ? [] : [{ name: "id", type: "integer" as const, generated: true, isReused: traits.isReusing === true }]),
    ...[...ofFields, ...extra.map((name) => ({ name, type: "text" as const }))].map((column) => ({
      ...column,
      nullable: !(isKeyed && column.name === "who"),
      ...traits.columns?.[column.name],
    })),
    { name: "note", type: "text", nullable: true, default: "kept" },
  ];
  return {
    name: THINGS,
    key: [isKeyed ? "who" : "id"],
    uniques: (traits.uniques ?? []).map((column) => [column]),
    columns,
    references: referencesOf(scenario, traits),
  };
}

function typeOf({ type, reference }: BenchField): FakeColumn["type"] {
  if (reference !== undefined || type === "integer") return "integer";
  return type === "instant" ? "instant" : "text";
}
