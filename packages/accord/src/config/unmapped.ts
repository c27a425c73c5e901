import type { SideContext } from "./side-context.ts";
import { remark } from "./side-context.ts";

/** Notes the columns of a side that are neither mapped nor ignored, and patterns that ignore nothing. The key is the record's id and needs neither. */
export function noteUnmapped(context: SideContext): void {
  const { schema, side, sync } = context;
  const patterns = sync.entry.ignore[side.name] ?? [];
  const names = schema.columns.map((column) => column.name);
  const matchers = patterns.map(globMatcher);
  const unmapped = names.filter(
    (name) => !context.columns.includes(name) && !schema.key.includes(name) && !matchers.some((matches) => matches(name)),
  );
  const path = ["syncs", sync.name];
  if (unmapped.length > 0) {
    remark(
      context,
      "unmapped",
      [...path, "sides", side.name],
      `neither mapped nor ignored: ${unmapped.join(", ")}; map them below fields, or list them below ignore: ${side.name}`,
    );
  }
  for (const [place, matches] of matchers.entries()) {
    if (!names.some(matches))
      remark(
        context,
        "ignored-nothing",
        [...path, "ignore", side.name, place],
        `"${patterns[place] ?? ""}" is no column of ${side.object}`,
      );
  }
}

/** A pattern in which `*` stands for any text. Linear: no backtracking, whatever the pattern. */
function globMatcher(pattern: string): (name: string) => boolean {
  const [head = "", ...rest] = pattern.split("*");
  if (rest.length === 0) return (name) => name === pattern;
  const tail = rest.pop() ?? "";
  return (name) => {
    if (!name.startsWith(head)) return false;
    let at = head.length;
    for (const piece of rest) {
      const found = name.indexOf(piece, at);
      if (found === -1) return false;
      at = found + piece.length;
    }
    return name.length - tail.length >= at && name.endsWith(tail);
  };
}
