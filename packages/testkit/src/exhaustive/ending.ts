import type { BenchField } from "../bench/model.ts";
import type { FakeCell } from "../fake/shape.ts";
import type { FakeSystem } from "../fake/system.ts";
import { COMPANIES, THINGS } from "./people.ts";
import type { Scenario } from "./scenario.ts";
import { columnsOf, companyFields, fieldsOf } from "./scene.ts";
import type { Scene } from "./scene.ts";

/** How a play ended. */
export interface Ending {
  /** By system: its records, a line each, sorted. */
  readonly shows: Readonly<Record<string, readonly string[]>>;
  /** What waits for a person, a line each, sorted. */
  readonly asks: readonly string[];
}

/** What the systems show now, and what Accord asks of people. */
export function endingOf(scene: Scene): Ending {
  return {
    shows: Object.fromEntries(scene.systems.map((system, side) => [system.name, linesOf(system, side, scene.scenario)])),
    asks: asksOf(scene).toSorted(),
  };
}

/** One line of text, so that two endings can be compared and printed. */
export function endingText({ shows, asks }: Ending): string {
  const systems = Object.entries(shows).map(([name, lines]) => `${name}: ${lines.length === 0 ? "nothing" : lines.join(", ")}`);
  return [...systems, ...asks.map((ask) => `asks: ${ask}`)].join("; ");
}

function linesOf(system: FakeSystem, side: number, scenario: Scenario): readonly string[] {
  const shown = ({ reference }: BenchField, cell: FakeCell): string => {
    if (reference === undefined || cell === null || !system.tables.has(reference)) return cell ?? "-";
    const named = system.record(reference, cell);
    return named?.["who"] ?? named?.["code"] ?? "nobody";
  };
  const lines = (object: string, fields: readonly BenchField[]): readonly string[] =>
    [...system.records(object).values()].map((cells) =>
      fields.flatMap((field) => columnsOf(field, side).map((column) => shown(field, cells[column] ?? null))).join(" "),
    );
  const companies = system.tables.has(COMPANIES) ? lines(COMPANIES, companyFields(scenario)) : [];
  return [...lines(THINGS, fieldsOf(scenario)), ...companies.map((line) => `company ${line}`)].toSorted();
}

function asksOf({ state, systems, premises }: Scene): string[] {
  const whoIs = (entity: number | null): string => (entity === null ? "-" : (state.entities.get(entity)?.fields[0]?.value ?? "-"));
  const fieldOf = (sync: number, field: number): string =>
    premises.syncs.find(({ name }) => name === state.sync(sync).name)?.fields[field]?.name ?? "";
  const reviews = [...state.entities.values()].flatMap((entity) => [
    ...entity.fields.flatMap(({ review }, field) => (review === null ? [] : `${fieldOf(entity.sync, field)} of ${whoIs(entity.id)}`)),
    ...(entity.review === null ? [] : [`whether ${whoIs(entity.id)} lives`]),
  ]);
  const problems = [...state.problems.values()].map(({ sync, side, record, kind }) => {
    const cells = systems[side]?.record(state.sync(sync).name, record);
    return `${kind} ${cells?.["who"] ?? cells?.["code"] ?? "-"} at ${systems[side]?.name ?? ""}`;
  });
  const refused = [...state.due.values()].flatMap(({ state: standing, code, entity, side }) =>
    standing !== "ready" || code === "ACCORD_CONTESTED"
      ? `${standing} ${whoIs(entity)} at ${systems[side]?.name ?? ""}${code === null ? "" : `: ${code}`}`
      : [],
  );
  const trips = [...state.trips.values()].flatMap(({ id, approvedAtMs }) => (approvedAtMs === null ? `approve ${id}` : []));
  const stopped = state.syncs.flatMap(({ name, state: standing }) => (standing === "live" ? [] : `${name} is ${standing}`));
  return [...reviews, ...problems, ...refused, ...trips, ...stopped];
}
