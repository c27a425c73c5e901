import type { EntityId, RecordId } from "@accord/core";
import type { Side } from "./catalogue.ts";
import type { CommitContext } from "./commit-context.ts";
import { cellSet } from "./entity-read.ts";
import type { RecordCell } from "./entity-write.ts";
import { groupBy } from "./group.ts";
import { SET_SIZE_MAX } from "./limits.ts";
import { takeNumbers } from "./meta.ts";
import type { Session } from "./session.ts";

/** Sequences of one shard: shard × 2^40 + a counter that never gives a number twice. */
export const SHARD_SIZE = 2 ** 40;

/** By record: the entity linked to the id that it had, else to the id it has. */
export function linksOf(
  session: Session,
  side: Side,
  marks: readonly { readonly record: RecordId; readonly renamedFrom: RecordId | null }[],
): (EntityId | null)[] {
  const links = marks.map((): EntityId | null => null);
  if (session.first("SELECT 1 FROM member WHERE side = ? LIMIT 1", side.number) === undefined) return links;
  const sql = "SELECT j.key, m.entity FROM json_each(?) j CROSS JOIN member m ON m.side = ? AND m.record = j.value";
  const set = cellSet(marks.map(({ record }) => side.toCell(record)));
  for (const [place, entity] of session.all<[number, number]>(sql, set, side.number)) links[place] = entity;
  const renamed = marks.flatMap(({ renamedFrom }, index) => (renamedFrom === null ? [] : [{ index, cell: side.toCell(renamedFrom) }]));
  if (renamed.length === 0) return links;
  for (const [place, entity] of session.all<[number, number]>(sql, cellSet(renamed.map(({ cell }) => cell)), side.number)) {
    const index = renamed[place]?.index;
    if (index !== undefined) links[index] = entity;
  }
  return links;
}

type WaitingRow = [seq: number, record: string, renamedFrom: string | null, entity: number | null];
const WAITING = "SELECT k.seq, CAST(k.record AS TEXT), CAST(k.renamed_from AS TEXT), k.entity FROM json_each(?) j CROSS JOIN mark k";

/** Brings the marks that wait for records which were linked or unlinked to the entity and shard they belong to now. */
export function relinkMarks({ session, shardOf }: CommitContext, records: readonly RecordCell[]): void {
  if (records.length === 0 || session.first("SELECT 1 FROM mark LIMIT 1") === undefined) return;
  for (const [side, own] of groupBy(records, (one) => one.side)) {
    for (let at = 0; at < own.length; at += SET_SIZE_MAX) {
      const set = cellSet(own.slice(at, at + SET_SIZE_MAX).map(({ cell }) => cell));
      const waiting = [
        ...session.all<WaitingRow>(`${WAITING} ON k.side = ? AND k.record = j.value`, set, side.number),
        ...session.all<WaitingRow>(
          `${WAITING} ON k.side = ? AND k.renamed_from = j.value AND k.renamed_from IS NOT NULL`,
          set,
          side.number,
        ),
      ];
      const links = linksOf(
        session,
        side,
        waiting.map(([, record, renamedFrom]) => ({ record, renamedFrom })),
      );
      const moved = new Map<number, EntityId | null>();
      waiting.forEach(([seq, , , entity], index) => {
        const link = links[index] ?? null;
        if (link !== entity) moved.set(seq, link);
      });
      moveMarks(session, shardOf, moved);
    }
  }
}

function moveMarks(session: Session, shardOf: CommitContext["shardOf"], moved: ReadonlyMap<number, EntityId | null>): void {
  if (moved.size === 0) return;
  let next = takeNumbers(session, "mark", moved.size);
  for (const [seq, entity] of [...moved].toSorted(([a], [b]) => a - b)) {
    session.run("UPDATE mark SET seq = ?, entity = ? WHERE seq = ?", shardOf(entity) * SHARD_SIZE + next, entity, seq);
    next += 1;
  }
}
