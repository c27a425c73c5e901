/** The type of an expression as far as it is known before any value is. Every type admits null besides. */
export type StaticType = { readonly kind: ScalarKind } | { readonly kind: "list" | "map"; readonly element: StaticType };

/** Types without parts; "dyn" is not known before evaluation, "null" is the type of the literal alone. */
export type ScalarKind = "dyn" | "null" | "bool" | "int" | "double" | "text" | "decimal" | "instant" | "duration";

/** Makes a type without parts. */
export function scalar(kind: ScalarKind): StaticType {
  return { kind };
}

/** Makes a list type. */
export function listOf(element: StaticType): StaticType {
  return { kind: "list", element };
}

/** The type's name as messages print it. */
export function typeName(type: StaticType): string {
  return "element" in type ? `${type.kind} of ${typeName(type.element)}` : type.kind;
}

/** Whether the type may turn out to be anything: not known, or only null is known. */
export function isOpen(type: StaticType): boolean {
  return type.kind === "dyn" || type.kind === "null";
}

/** The one type that holds values of both, or undefined: null joins any, int joins decimal (exactly). */
export function commonType(left: StaticType, right: StaticType): StaticType | undefined {
  if (left.kind === "null") return right;
  if (right.kind === "null") return left;
  if (left.kind === "dyn" || right.kind === "dyn") return scalar("dyn");
  if ("element" in left && "element" in right && left.kind === right.kind) {
    const element = commonType(left.element, right.element);
    return element === undefined ? undefined : { kind: left.kind, element };
  }
  if ("element" in left || "element" in right) return undefined;
  if (left.kind === right.kind) return left;
  if (isExact(left) && isExact(right)) return scalar("decimal");
  return undefined;
}

function isExact(type: StaticType): boolean {
  return type.kind === "int" || type.kind === "decimal";
}
