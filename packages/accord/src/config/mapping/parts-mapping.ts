import { groupParts, groupText } from "@accord/core";
import type { FieldMapping, Mapped, MaybeValue, NativeCell, ValueType } from "@accord/core";
import { encodeText } from "./bound-column.ts";
import type { BoundColumn } from "./bound-column.ts";
import { alreadyMeans } from "./column-mapping.ts";
import { currentCells, EMPTY, notEmptiable, problemOf, UNKNOWN } from "./mapped.ts";
import type { Cells } from "./mapped.ts";

/** Several columns that make one value together: first name and last name. */
export function joinMapping(columns: readonly BoundColumn[], separator: string, type: ValueType, isWritable: boolean): FieldMapping {
  const places = columns.map(({ place }) => place);
  const get = (cells: readonly NativeCell[]): Mapped<MaybeValue> => {
    const parts: (string | null)[] = [];
    for (const { place, codec, name } of columns) {
      const cell = cells[place];
      if (cell === undefined) return UNKNOWN;
      const decoded = cell === null ? null : codec.decode(cell);
      if (decoded?.kind === "invalid") return problemOf(name, decoded.problem);
      parts.push(decoded === null ? null : decoded.text);
    }
    return parsed(type, joinText(parts, separator));
  };
  return {
    reads: places,
    writes: isWritable ? places : [],
    get,
    put: (value, cells) => {
      const current = cells === null ? null : currentCells(cells, places);
      if (cells !== null && current !== null && alreadyMeans(type, get(cells), value)) return { kind: "ok", result: current };
      return encodeParts(columns, value === null ? columns.map(() => null) : splitText(value, separator, columns.length));
    },
    reference: null,
  };
}

/** One column that holds all parts of a group: a full name. */
export function splitMapping(
  column: BoundColumn,
  separator: string,
  parts: readonly ValueType[],
  type: ValueType,
  isWritable: boolean,
): FieldMapping {
  const get = (cells: readonly NativeCell[]): Mapped<MaybeValue> => {
    const cell = cells[column.place];
    if (cell === undefined) return UNKNOWN;
    if (cell === null) return EMPTY;
    const decoded = column.codec.decode(cell);
    if (decoded.kind === "invalid") return problemOf(column.name, decoded.problem);
    const texts: (string | null)[] = [];
    for (const [place, text] of splitText(decoded.text, separator, parts.length).entries()) {
      const part = parsed(parts[place] ?? type, text);
      if (part.kind !== "ok") return part;
      texts.push(part.result ?? null);
    }
    return { kind: "ok", result: groupText(texts) };
  };
  return {
    reads: [column.place],
    writes: isWritable ? [column.place] : [],
    get,
    put: (value, cells) => {
      const current = cells?.[column.place];
      if (cells !== null && current !== undefined && alreadyMeans(type, get(cells), value)) return { kind: "ok", result: [current] };
      return encodeParts([column], [value === null ? null : joinText(groupParts(value), separator)]);
    },
    reference: null,
  };
}

/** A group whose parts have mappings of their own. Any part that is unknown makes the group unknown. [S16] */
export function groupMapping(parts: readonly FieldMapping[]): FieldMapping {
  return {
    reads: [...new Set(parts.flatMap(({ reads }) => reads))],
    writes: parts.flatMap(({ writes }) => writes),
    get: (cells, references) => {
      const texts: MaybeValue[] = [];
      for (const part of parts) {
        const got = part.get(cells, references);
        if (got.kind !== "ok") return got;
        texts.push(got.result);
      }
      return { kind: "ok", result: groupText(texts) };
    },
    put: (value, cells, references) => {
      const texts = value === null ? null : groupParts(value);
      const result: (string | null)[] = [];
      for (const [place, part] of parts.entries()) {
        const put = part.put(texts?.[place] ?? null, cells, references);
        if (put.kind !== "ok") return put;
        if (part.writes.length > 0) result.push(...put.result);
      }
      return { kind: "ok", result };
    },
    reference: null,
  };
}

/** Parts with the separator between, empty ones left out; null where none is left. */
function joinText(parts: readonly (string | null)[], separator: string): string | null {
  const present = parts.filter((part) => part !== null && part !== "");
  return present.length === 0 ? null : present.join(separator);
}

/** The last parts take one piece each, the first takes what is left: `Anna Maria Berg` in two is `Anna Maria`, `Berg`; `Cher` is null, `Cher`. */
function splitText(text: string, separator: string, count: number): readonly (string | null)[] {
  const parts: (string | null)[] = Array.from({ length: count }, () => null);
  let rest: string | null = withoutOuter(text, separator);
  for (let place = count - 1; place > 0 && rest !== null; place -= 1) {
    const at: number = rest.lastIndexOf(separator);
    parts[place] = at === -1 ? rest : rest.slice(at + separator.length);
    rest = at === -1 ? null : rest.slice(0, at);
  }
  parts[0] = rest;
  return parts.map((part) => (part === "" ? null : part));
}

/** Separators around the whole are no part of it: without this, each writing would take one away. [S48] */
function withoutOuter(text: string, separator: string): string {
  let [start, end] = [0, text.length];
  while (text.startsWith(separator, start) && start < end) start += separator.length;
  while (end - separator.length >= start && text.endsWith(separator, end)) end -= separator.length;
  return text.slice(start, end);
}

function parsed(type: ValueType, text: string | null): Mapped<MaybeValue> {
  if (text === null) return EMPTY;
  const result = type.parse(text);
  return result.kind === "value" ? { kind: "ok", result: result.text } : { kind: "problem", problem: result.problem };
}

function encodeParts(columns: readonly BoundColumn[], parts: readonly (string | null)[]): Mapped<Cells> {
  const result: (string | null)[] = [];
  for (const [place, column] of columns.entries()) {
    const part = parts[place] ?? null;
    if (part === null) {
      if (!column.schema.nullable) return notEmptiable(column.name);
      result.push(null);
      continue;
    }
    const cell = encodeText(column, part);
    if (cell.kind === "invalid") return problemOf(column.name, cell.problem);
    result.push(cell.text);
  }
  return { kind: "ok", result };
}
