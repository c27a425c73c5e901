import type { EntityId, RecordId } from "@accord/core";
import type { Changes } from "@accord/engine/store";
import { SET_SIZE_MAX } from "./limits.ts";
import type { Session } from "./session.ts";

/** Who was merged into whom: one step, whatever was merged into what since. [S41] */
export function writeMerged(session: Session, merged: NonNullable<Changes["merged"]>): void {
  for (const { entity, into } of merged) {
    if (into === null) session.run("DELETE FROM merged WHERE loser = ?", entity);
    else {
      session.run("UPDATE merged SET winner = ? WHERE winner = ?", into, entity);
      session.run(
        "INSERT INTO merged (loser, winner) VALUES (?, ?) ON CONFLICT (loser) DO UPDATE SET winner = excluded.winner",
        entity,
        into,
      );
    }
  }
}

export function findWinners(session: Session, entities: readonly EntityId[]): (EntityId | null)[] {
  const found = entities.map((): EntityId | null => null);
  const sql = "SELECT j.key, m.winner FROM json_each(?) j CROSS JOIN merged m ON m.loser = j.value";
  for (let at = 0; at < entities.length; at += SET_SIZE_MAX) {
    const set = `[${entities.slice(at, at + SET_SIZE_MAX).join(",")}]`;
    for (const [index, winner] of session.all<[number, number]>(sql, set)) found[at + index] = winner;
  }
  return found;
}

/** What a mark keeps of word of a merge. */
export function mergedIntoOf(cell: RecordId | null): { readonly mergedInto?: RecordId } {
  return cell === null ? {} : { mergedInto: cell };
}
