import { columnsOf } from "./columns-of.ts";
import { remark } from "./side-context.ts";
import type { SideContext } from "./side-context.ts";

/**
 * Notes columns that another sync maps at the same object: two syncs that write one column of one record undo each other. [S4] Filters that keep their records
 * apart make it right, which nothing here can prove; so two filters are trusted.
 */
export function noteShared(context: SideContext): void {
  const { project, sync, side, columns } = context;
  for (const other of project.syncs) {
    if (other.name === sync.name) continue;
    for (const twin of other.sides) {
      if (twin.connection !== side.connection || twin.object !== side.object) continue;
      const theirs = columnsOf(project, other.name, twin.name);
      const shared = theirs.kind === "columns" ? theirs.columns.filter((column) => columns.includes(column)) : [];
      const areFiltered = sync.entry.sides[side.name]?.filter !== undefined && other.entry.sides[twin.name]?.filter !== undefined;
      if (shared.length === 0 || areFiltered) continue;
      remark(
        context,
        "shared",
        ["syncs", sync.name, "sides", side.name],
        `the sync ${other.name} maps ${shared.join(", ")} of ${side.object} too: give both filters that keep their records apart`,
      );
    }
  }
}
