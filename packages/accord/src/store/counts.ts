import type { StateCounts } from "@accord/engine/store";
import type { Catalogue } from "./catalogue.ts";
import { lastEntry } from "./journal.ts";
import type { Session } from "./session.ts";
import { readTally } from "./tally.ts";

/** Figures for `status`: counters, and short index scans of what is rare. */
export function countState(session: Session, catalogue: Catalogue): StateCounts {
  const entities = readTally(session, "entity");
  const members = readTally(session, "member");
  const marks = readTally(session, "mark");
  const problems = new Map(session.all<[number, number]>("SELECT side, count(*) FROM problem GROUP BY side"));
  const reviews = new Map(
    session.all<[number, number]>(
      "SELECT sync, count(*) FROM entity INDEXED BY entity_review WHERE review_since IS NOT NULL GROUP BY sync",
    ),
  );
  const syncs = session.all<[number]>("SELECT id FROM sync ORDER BY id").map(([sync]) => {
    const { sides } = catalogue.sync(sync);
    const sum = (counts: ReadonlyMap<number, number>): number => sides.reduce((total, { number }) => total + (counts.get(number) ?? 0), 0);
    return {
      sync,
      entities: entities.get(sync) ?? 0,
      members: sides.map(({ number }) => members.get(number) ?? 0),
      marks: sum(marks),
      reviews: reviews.get(sync) ?? 0,
      problems: sum(problems),
    };
  });
  return {
    syncs,
    bytes: fileBytes(session),
    journalEntries: lastEntry(session),
  };
}

function fileBytes(session: Session): number {
  const pages = session.first<[number]>("PRAGMA page_count")?.[0] ?? 0;
  const size = session.first<[number]>("PRAGMA page_size")?.[0] ?? 0;
  return pages * size;
}
