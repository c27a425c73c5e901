import { columnsOfField } from "./columns-of.ts";
import type { PausedField, SideContext } from "./side-context.ts";

/**
 * The line of a field as it would fit what its side shows now: without the side where its column is gone, with the new column's type where that is another. Only where the field stands on one
 * line, as it mostly does; else nothing is proposed and the problem alone says what to do. [S50]
 */
export function proposePatch({ project, sync, side, schema, retyped }: SideContext, field: string): PausedField["patch"] {
  const place = project.locate(["syncs", sync.name, "fields", field]);
  const from = project.line(place.line);
  const written = /^(\s*)(.+?):\s*\{(.*)\}\s*$/.exec(from);
  if (written === null) return null;
  const own = columnsOfField(sync, side.name, field);
  const [only] = own;
  const type = only === undefined ? undefined : retyped.get(only);
  const isGone = own.some((name) => !schema.columns.some((column) => column.name === name));
  const to = isGone ? withoutSide(from, side.name) : own.length === 1 && type !== undefined ? withType(from, type.now.natural) : from;
  return to === from ? null : { line: place.line, from: from.trim(), to: to.trim() };
}

/** The entry of a side is a column's name, or a map of its own without further maps. */
function withoutSide(line: string, side: string): string {
  const name = side.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return line.replace(new RegExp(`,\\s*${name}:\\s*(\\{[^{}]*\\}|[^,{}]+?)(?=\\s*[,}])`), "");
}

function withType(line: string, natural: string): string {
  return PROPOSED.has(natural) ? line.replace(/\btype:\s*[\w-]+/, `type: ${natural}`) : line;
}

/** Types that need no parameter. */
const PROPOSED: ReadonlySet<string> = new Set([
  "text",
  "integer",
  "decimal",
  "boolean",
  "date",
  "time",
  "timestamp",
  "instant",
  "uuid",
  "bytes",
  "json",
  "set",
]);
