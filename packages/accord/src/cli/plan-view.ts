import { detailsOf } from "@accord/engine";
import type { EngineContext, PlannedDetail, PlanSummary } from "@accord/engine";
import type { CallOptions } from "@accord/engine/connector";
import type { PlannedOperation } from "@accord/engine/store";
import { count, MASK, showValue } from "./output.ts";
import type { Output } from "./output.ts";

/** One planned write as `--json` shows it. */
export interface OperationJson {
  readonly sync: string;
  readonly side: string;
  readonly kind: PlannedOperation["kind"];
  readonly entity: number;
  /** The record's id at the side; null for a create. */
  readonly record: string | null;
  /** Canonical values; `null` is empty, a missing key unknown. Sensitive ones are masked unless `--show-values`. */
  readonly fields: readonly { readonly field: string; readonly before?: string | null; readonly after?: string | null }[];
  /** Why it is withheld, refused or waits. */
  readonly reason: string | null;
}

/** Planned writes as `--json` shows them, in order. */
export async function operationsJson(
  context: EngineContext,
  operations: readonly PlannedOperation[],
  showsValues: boolean,
  call: CallOptions,
): Promise<readonly OperationJson[]> {
  const details = await detailsOf(context, operations, call);
  return operations.map((operation, index) =>
    operationJson(context, operation, details[index] ?? { fields: [], reason: null }, showsValues),
  );
}

function operationJson(context: EngineContext, operation: PlannedOperation, detail: PlannedDetail, showsValues: boolean): OperationJson {
  const sync = context.syncs.find(({ id }) => id === operation.sync);
  const isMasked = (field: string): boolean => !showsValues && sync?.model.fields.find(({ name }) => name === field)?.sensitive === true;
  const masked = (field: string, value: string | null): string | null => (value !== null && isMasked(field) ? MASK : value);
  return {
    sync: sync?.model.name ?? String(operation.sync),
    side: sync?.model.sides[operation.side]?.name ?? String(operation.side),
    kind: operation.kind,
    entity: operation.entity,
    record: operation.record,
    fields: detail.fields.map(({ field, before, after }) => ({
      field,
      ...(before === undefined ? {} : { before: masked(field, before) }),
      ...(after === undefined ? {} : { after: masked(field, after) }),
    })),
    reason: detail.reason,
  };
}

/** One operation for people: what is written where, and each field before and after. */
export function printOperation(output: Output, operation: OperationJson): void {
  const record = operation.record === null ? "new record" : `record ${operation.record}`;
  output.line(`  ${output.paint.bold(operation.kind)} ${operation.side} ${record} (${operation.sync} entity ${operation.entity})`);
  for (const { field, before, after } of operation.fields) {
    output.line(
      operation.kind === "create"
        ? `      ${field}: ${showValue(after, false)}`
        : `      ${field}: ${showValue(before, false)} → ${showValue(after, false)}`,
    );
  }
  if (operation.reason !== null) output.line(`      ${operation.reason}`);
}

const KINDS: readonly PlannedOperation["kind"][] = [
  "create",
  "update",
  "restore",
  "archive",
  "merge",
  "delete",
  "withheld",
  "refused",
  "waits",
];

/** Counts by sync and side. */
export function printSummary(output: Output, summary: PlanSummary): void {
  const rows = summary.syncs.flatMap(({ sync, records, sides }) =>
    sides.map(({ side, operations }) => [sync, side, String(records[side] ?? 0), ...KINDS.map((kind) => String(operations[kind]))]),
  );
  const used = KINDS.map((_, index) => index + 3).filter((column) => column < 5 || rows.some((row) => row[column] !== "0"));
  const columns = [0, 1, 2, ...used];
  const headings = ["sync", "side", "records", ...KINDS];
  output.table(
    columns.map((column) => headings[column] ?? ""),
    rows.map((row) => columns.map((column) => row[column] ?? "")),
  );
  for (const { sync, sides } of summary.syncs) {
    for (const { side, fields } of sides) {
      const parts = Object.entries(fields).map(([field, times]) => `${field} ${times}`);
      if (parts.length > 0) output.line(output.paint.dim(`  ${sync}, fields written at ${side}: ${parts.join(", ")}`));
    }
  }
}

/** Writes that a plan calls for; withheld and refused ones are not written. */
export function changesOf(summary: PlanSummary): number {
  let changes = 0;
  for (const { sides } of summary.syncs)
    for (const { operations } of sides)
      for (const kind of KINDS) if (kind !== "withheld" && kind !== "refused") changes += operations[kind];
  return changes;
}

/** What a person should look at before applying: conflicts, ambiguous keys, guards. */
export function printConcerns(output: Output, summary: PlanSummary): void {
  for (const { sync, reviews, problems } of summary.syncs) {
    if (reviews > 0) output.line(`${sync}: ${count(reviews, "conflict")} for a person to decide: accord conflicts`);
    if (problems > 0)
      output.line(
        `${sync}: ${count(problems, "record")} to look at (ambiguous keys, values that cannot be understood, left over from merges): accord errors`,
      );
  }
  for (const { id, reason } of summary.stops)
    output.line(output.paint.warn(`A guard will stop this plan: ${reason}. If that is right: accord approve ${id}`));
}
