import { builtinTypes, enumType, groupType, referenceType, setType, textType } from "@accord/core";
import type { ColumnCodec, ValueType } from "@accord/core";
import { isPhoneRegion, qualityTypes } from "@accord/quality";
import type { CelTypeName } from "./cel/compile.ts";
import type { FieldEntry, TypeEntry } from "./schema/field-schema.ts";

/** A type as mappings need it. */
export interface FieldType {
  readonly type: ValueType;
  /** How expressions see its values. */
  readonly cel: CelTypeName;
  /** The name that decides which columns can hold it: `text`, `set`, `email`. */
  readonly family: string;
  /** The allowed values of an enumeration; empty for all other types. */
  readonly options: readonly string[];
}

/** The types of one project: core's exact ones and the semantic ones for its region. */
export type TypeCatalogue = ReadonlyMap<string, ValueType>;

/** Makes the catalogue of types that need no parameter. */
export function typeCatalogue(region: string): TypeCatalogue {
  return new Map([...builtinTypes, ...qualityTypes({ defaultRegion: isPhoneRegion(region) ? region : null })]);
}

export function isReference(type: TypeEntry): boolean {
  return typeof type === "object" && "ref" in type;
}

/** The type that an entry names; groups have their parts in `fields`. */
export function fieldTypeOf(catalogue: TypeCatalogue, type: TypeEntry, fields: FieldEntry["fields"]): FieldType {
  if (typeof type === "object") {
    if ("enum" in type) return { type: enumType(type.enum), cel: "enum", family: "enum", options: type.enum };
    if ("ref" in type) return { type: referenceType(type.ref), cel: "reference", family: "reference", options: [] };
    return { type: setType(catalogue.get(type.set) ?? textType), cel: "set", family: "set", options: [] };
  }
  if (type === "set") return { type: setType(textType), cel: "set", family: "set", options: [] };
  if (type === "group") {
    const parts = Object.entries(fields ?? {}).map(([name, part]) => ({ name, type: fieldTypeOf(catalogue, part.type, undefined).type }));
    return { type: groupType(parts), cel: "group", family: "group", options: [] };
  }
  return { type: catalogue.get(type) ?? textType, cel: celName(type), family: type, options: [] };
}

/** How expressions see a column. */
export function celTypeOfColumn(codec: ColumnCodec): CelTypeName {
  return codec.typeName === "set" ? "set" : celName(codec.typeName);
}

const CEL_NAMES: ReadonlySet<string> = new Set([
  "text",
  "integer",
  "decimal",
  "boolean",
  "date",
  "time",
  "instant",
  "zoned",
  "uuid",
  "bytes",
  "json",
  "enum",
  "set",
] satisfies readonly CelTypeName[]);

/** Types that expressions do not know by name (email, phone, timestamp) are texts to them. */
function celName(name: string): CelTypeName {
  return CEL_NAMES.has(name) ? (name as CelTypeName) : "text"; // The set holds nothing but CelTypeNames.
}
