import type { FieldMapping } from "@accord/core";
import { columnsOfField } from "./columns-of.ts";
import { proposePatch } from "./propose-patch.ts";
import type { SideContext } from "./side-context.ts";

/**
 * Pauses a field at a side where compiling it found problems and the sync may go on without it: it is unknown there until what it needs is there again. Null where nothing is to be paused. [S50]
 *
 * @param before how many problems there were before the field was compiled
 */
export function pauseField(context: SideContext, field: string, before: number): FieldMapping | null {
  const { findings, sync, side, schema, columns, retyped } = context;
  const [problem] = findings.problems.slice(before);
  if (findings.paused === null || problem === undefined) return null;
  findings.problems.length = before;
  const own = columnsOfField(sync, side.name, field);
  const isCarried = (name: string): boolean =>
    !retyped.has(name) && (schema.columns.find((column) => column.name === name)?.codec ?? null) !== null;
  const others = new Set(
    Object.keys(sync.entry.fields).flatMap((other) => (other === field ? [] : columnsOfField(sync, side.name, other))),
  );
  const missing = own.filter((name) => !isCarried(name) || !others.has(name));
  findings.paused.push({ sync: sync.name, side: side.name, field, problem, missing, patch: proposePatch(context, field) });
  const paused = { kind: "paused", reason: problem.problem } as const;
  const places = own.map((name) => columns.indexOf(name));
  return { reads: places, writes: places, reference: null, paused: problem.problem, get: () => paused, put: () => paused };
}
