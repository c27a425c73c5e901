import { commonType, isOpen, scalar, typeName, type StaticType } from "./static-type.ts";
import type { BinaryOperator } from "./syntax.ts";

/** The type an operator gives for operands of these types, or in words why it gives none. */
export function operatorType(operator: BinaryOperator, left: StaticType, right: StaticType): StaticType | string {
  switch (operator) {
    case "==":
    case "!=":
      return comparable(left, right) ? scalar("bool") : refusal(operator, left, right);
    case "<":
    case "<=":
    case ">":
    case ">=":
      return comparable(left, right) && !isHolder(left) && !isHolder(right) ? scalar("bool") : refusal(operator, left, right);
    case "in":
      return membershipType(left, right);
    default:
      return arithmeticType(operator, left, right);
  }
}

function comparable(left: StaticType, right: StaticType): boolean {
  if (isOpen(left) || isOpen(right)) return true;
  const numbers = [left.kind, right.kind].toSorted().join(" ");
  return numbers === "double int" || commonType(left, right) !== undefined;
}

function isHolder(type: StaticType): boolean {
  return "element" in type;
}

function membershipType(left: StaticType, right: StaticType): StaticType | string {
  if (isOpen(right)) return scalar("bool");
  if (!("element" in right)) return `"in" needs a list or map on its right, not ${typeName(right)}`;
  const sought = right.kind === "map" ? scalar("text") : right.element;
  return comparable(left, sought) ? scalar("bool") : refusal("in", left, right);
}

type Arithmetic = "+" | "-" | "*" | "/" | "%";

function arithmeticType(operator: Arithmetic, left: StaticType, right: StaticType): StaticType | string {
  if (left.kind === "null" || right.kind === "null") return refusal(operator, left, right);
  if (left.kind === "dyn" || right.kind === "dyn") return scalar("dyn");
  const common = commonType(left, right);
  if (common?.kind === "int") return common;
  if (common?.kind === "double" && operator !== "%") return common;
  if (common?.kind === "decimal") {
    if (operator === "/" || operator === "%") return `decimals are divided with div(a, b, scale), not "${operator}"`;
    return common;
  }
  if (operator === "+" && (common?.kind === "text" || common?.kind === "list")) return common;
  return timeType(operator, left, right) ?? refusal(operator, left, right);
}

function timeType(operator: Arithmetic, left: StaticType, right: StaticType): StaticType | undefined {
  switch (`${left.kind} ${operator} ${right.kind}`) {
    case "instant + duration":
    case "instant - duration":
    case "duration + instant":
      return scalar("instant");
    case "instant - instant":
    case "duration + duration":
    case "duration - duration":
      return scalar("duration");
    default:
      return undefined;
  }
}

function refusal(operator: string, left: StaticType, right: StaticType): string {
  const kinds = [left.kind, right.kind];
  const base = `"${operator}" is not defined for ${typeName(left)} and ${typeName(right)}`;
  if (kinds.includes("decimal") && kinds.includes("double")) {
    return "a decimal and a double do not mix; write the number as decimal('1.5')";
  }
  if (kinds.includes("instant") && kinds.includes("text")) return `${base}; write the time as instant('2024-01-01T00:00:00Z')`;
  if (kinds.includes("text")) return `${base}; convert one with string(), int() or decimal()`;
  return base;
}
