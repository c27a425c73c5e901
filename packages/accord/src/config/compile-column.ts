import { NO_REFERENCES } from "@accord/core";
import type { FieldMapping } from "@accord/core";
import { writability } from "./field-job.ts";
import type { FieldJob } from "./field-job.ts";
import { encodeText } from "./mapping/bound-column.ts";
import type { BoundColumn } from "./mapping/bound-column.ts";
import { columnMapping } from "./mapping/column-mapping.ts";
import type { Step } from "./mapping/mapped.ts";
import { caseStep, scaleStep, separatorStep } from "./mapping/steps.ts";
import { valueMapping } from "./mapping/value-map.ts";
import type { SideEntry } from "./schema/field-schema.ts";
import { bindColumn, refuse } from "./side-context.ts";
import type { SideContext } from "./side-context.ts";
import { typeMismatch } from "./type-fit.ts";

/** A field that is one column, with whatever its entry says of the way. */
export function compileColumn(context: SideContext, job: FieldJob, entry: SideEntry): FieldMapping | null {
  const column = bindColumn(context, entry.field ?? "", job.path);
  if (column === null) return null;
  const isWritable = writability(context, job, [column], job.path);
  if (isWritable === null) return null;
  if (entry.values !== undefined) return compileValues(context, job, entry, entry.values, column, isWritable);
  const mismatch = typeMismatch(job.type.family, column, {
    hasSeparator: entry.separator !== undefined,
    isJson: entry.json === true,
    isWritten: isWritable,
  });
  if (mismatch !== null) return refuse(context, job.path, mismatch.problem, mismatch.remedy);
  const steps = stepsOf(context, job, entry);
  const empty = entry.empty === undefined ? null : nativeText(context, column, entry.empty, [...job.path, "empty"]);
  if (steps === null || (entry.empty !== undefined && empty === null)) return null;
  const isSameType =
    job.type.family === "text" || (job.type.family === column.codec.typeName && job.type.family !== "enum" && job.type.family !== "set");
  const parts = { column, type: job.type.type, steps, isSameType, empty: empty?.text ?? null, emptyCell: empty?.cell ?? null, isWritable };
  return withDefault(context, job, entry, columnMapping(parts), (emptyCell) => columnMapping({ ...parts, emptyCell }));
}

function stepsOf(context: SideContext, job: FieldJob, entry: SideEntry): readonly Step[] | null {
  const steps: Step[] = [];
  const factor = entry.unit?.factor ?? entry.scale;
  if (factor !== undefined) {
    const step = scaleStep(factor);
    const key = entry.unit === undefined ? "scale" : "unit";
    if (step === null)
      return refuse(
        context,
        [...job.path, key],
        `dividing by ${factor} has no exact result`,
        `use get: "value * decimal('${factor}')" and put: "div(value, decimal('${factor}'), 6)"`,
      );
    steps.push(step);
  }
  if (entry.case !== undefined) steps.push(caseStep(entry.case, entry.canonical));
  if (entry.separator !== undefined) steps.push(separatorStep(entry.separator));
  return steps;
}

/** A native text of the file, as the column's type spells it, and the cell that holds it. */
function nativeText(
  context: SideContext,
  column: BoundColumn,
  written: string,
  path: FieldJob["path"],
): { readonly text: string; readonly cell: string } | null {
  const cell = encodeText(column, written);
  const back = cell.kind === "value" ? column.codec.decode(cell.text) : cell;
  if (cell.kind === "value" && back.kind === "value") return { text: back.text, cell: cell.text };
  const problem = cell.kind === "invalid" ? cell.problem : back.kind === "invalid" ? back.problem : "";
  return refuse(
    context,
    path,
    `the column "${column.name}" (${column.schema.nativeType}) cannot hold "${written}": ${problem}`,
    "write a value that the column holds",
  );
}

/** `default` is a canonical value: its cell is what the mapping itself would write for it. */
function withDefault(
  context: SideContext,
  job: FieldJob,
  entry: SideEntry,
  plain: FieldMapping,
  remake: (emptyCell: string) => FieldMapping,
): FieldMapping | null {
  if (entry.default === undefined) return plain;
  const path = [...job.path, "default"];
  const value = job.type.type.parse(entry.default);
  if (value.kind === "invalid")
    return refuse(context, path, `"${entry.default}" is ${value.problem}`, `write a value of the type ${job.type.type.name}`);
  const put = plain.put(value.text, null, NO_REFERENCES);
  if (put.kind === "ok" && typeof put.result[0] === "string") return remake(put.result[0]);
  return refuse(context, path, put.kind === "problem" ? put.problem : "the default writes nothing", "write a value that the column holds");
}

function compileValues(
  context: SideContext,
  job: FieldJob,
  entry: SideEntry,
  values: NonNullable<SideEntry["values"]>,
  column: BoundColumn,
  isWritable: boolean,
): FieldMapping | null {
  const { type } = job.type;
  const path = [...job.path, "values"];
  const canonicalByNative = new Map<string | null, string>();
  const cellByCanonical = new Map<string, string | null>();
  const before = context.findings.problems.length;
  for (const [written, natives] of Object.entries(values)) {
    const canonical = type.parse(written);
    if (canonical.kind === "invalid") {
      refuse(context, [...path, written], `"${written}" is ${canonical.problem}`, `write a value of the type ${type.name}`);
      continue;
    }
    for (const native of Array.isArray(natives) ? natives : [natives]) {
      const found = native === null ? { text: null, cell: null } : nativeText(context, column, native, [...path, written]);
      if (found === null) continue;
      if (!cellByCanonical.has(canonical.text)) cellByCanonical.set(canonical.text, found.cell);
      if (!canonicalByNative.has(found.text)) canonicalByNative.set(found.text, canonical.text);
    }
  }
  if (context.findings.problems.length === before) checkOptions(context, job, cellByCanonical, path);
  const otherwise = entry.otherwise === undefined ? null : type.parse(entry.otherwise);
  if (otherwise?.kind === "invalid")
    refuse(
      context,
      [...job.path, "otherwise"],
      `"${entry.otherwise ?? ""}" is ${otherwise.problem}`,
      `write a value of the type ${type.name}`,
    );
  const empty = entry.empty === undefined ? null : nativeText(context, column, entry.empty, [...job.path, "empty"]);
  if (context.findings.problems.length > before) return null;
  const parts = {
    column,
    type,
    canonicalByNative,
    cellByCanonical,
    otherwise: otherwise?.kind === "value" ? otherwise.text : null,
    emptyCell: empty?.cell ?? null,
    isWritable,
  };
  return withDefault(context, job, entry, valueMapping(parts), (emptyCell) => valueMapping({ ...parts, emptyCell }));
}

/** Every option of an enumeration that may have to be written needs a native value. */
function checkOptions(context: SideContext, job: FieldJob, cells: ReadonlyMap<string, string | null>, path: FieldJob["path"]): void {
  const { type } = job.field;
  if (!job.isWritten || typeof type !== "object" || !("enum" in type)) return;
  const missing = type.enum.filter((option) => !cells.has(option));
  if (missing.length > 0)
    refuse(context, path, `has no native value for ${missing.join(", ")}`, `add ${missing[0] ?? ""}: and what this side writes for it`);
}
