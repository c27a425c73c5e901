import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seededRandom } from "@accord/testkit";
import { expect, test } from "vitest";
import { createEntityOverlay, type EntityCells } from "./entity-overlay.ts";
import { openStoreFile } from "./open.ts";
import type { Session } from "./session.ts";

const ENTITIES = 12;

/** Texts of which some are as they were before and some are not. */
function cells(value: string, pick: (below: number) => number): EntityCells {
  return {
    fields: pick(2) === 0 ? "same" : value,
    header: `h\t${pick(2)}`,
    records: `1\\N${pick(2)}`,
    states: "L2-",
    members: `a\nb"${pick(3)}`,
    keys: pick(2) === 0 ? null : "0",
    extra: pick(2) === 0 ? null : value,
    lastEntry: pick(3),
  };
}

const COLUMNS = "fields, header, records, states, members, keys, extra, last_entry";
type Cells = [string, string, string, string, string, string | null, string | null, number | null];

/** What a reader of the table sees who lays the changes over it. */
function seen(session: Session, overlay: ReturnType<typeof createEntityOverlay>): readonly EntityCells[] {
  const rows = session.all<[number, ...Cells]>(`SELECT id, ${COLUMNS} FROM entity ORDER BY id`);
  return rows.map(([id, fields, header, records, states, members, keys, extra, lastEntry]) => {
    const row = { fields, header, records, states, members, keys, extra, lastEntry };
    return overlay.of(id) ?? row;
  });
}

test("[S6] changes that are held, folded, dropped, undone or read by another process always show what was committed last", () => {
  const folder = mkdtempSync(join(tmpdir(), "accord-changes-"));
  const path = join(folder, "accord.db");
  const random = seededRandom(5);
  const pick = (below: number): number => Number.parseInt(random.hex(4), 16) % below;
  const options = { durability: "normal", maxPages: null } as const;
  const sessions = [openStoreFile(path, random, options), openStoreFile(path, random, options)];
  const processes = sessions.map((session) => ({ session, overlay: createEntityOverlay(session, 5) }));
  const expected: EntityCells[] = [];
  for (let id = 1; id <= ENTITIES; id += 1) {
    expected.push({ fields: "new", header: "", records: "", states: "", members: "", keys: null, extra: null, lastEntry: null });
    sessions[0]?.run("INSERT INTO entity (id, sync, fields, header, records, states, members) VALUES (?, 1, 'new', '', '', '', '')", id);
  }
  let folds = 0;
  let wasEmpty = true;
  for (let round = 1; round <= 400; round += 1) {
    const { session, overlay } = processes[pick(2)] ?? { session: undefined, overlay: undefined };
    if (session === undefined) throw new Error("there are two processes");
    // As steps.ts does: what is kept is looked at again once another process may have committed.
    overlay.forget(false);
    const isUndone = pick(5) === 0;
    session.database.exec("BEGIN IMMEDIATE");
    const written = new Map<number, EntityCells>();
    for (let count = pick(4); count >= 0; count -= 1) {
      const id = 1 + pick(ENTITIES);
      const value = cells(`round ${round}.${count}`, pick);
      written.set(id, value);
      if (pick(4) > 0) overlay.hold(id, value);
      else {
        overlay.drop(id);
        const { fields, header, records, states, members, keys, extra, lastEntry } = value;
        const sql = `UPDATE entity SET (${COLUMNS}) = (?, ?, ?, ?, ?, ?, ?, ?) WHERE id = ?`;
        session.run(sql, fields, header, records, states, members, keys, extra, lastEntry, id);
      }
    }
    if (!isUndone || pick(2) === 0) overlay.write();
    session.database.exec(isUndone ? "ROLLBACK" : "COMMIT");
    const isEmpty = session.first("SELECT 1 FROM entity_overlay LIMIT 1") === undefined;
    if (isEmpty && !wasEmpty) folds += 1;
    wasEmpty = isEmpty;
    if (isUndone) overlay.forget(true);
    else for (const [id, value] of written) expected[id - 1] = value;
    for (const reader of processes) {
      reader.overlay.forget(false);
      expect(seen(reader.session, reader.overlay), `round ${round}`).toEqual(expected);
    }
  }
  const rows = sessions[0]?.all<[string]>("SELECT fields FROM entity ORDER BY id") ?? [];
  expect(rows.map(([fields]) => fields)).not.toContain("new");
  expect(folds).toBeGreaterThan(10);
  for (const session of sessions) session.close();
  rmSync(folder, { recursive: true });
});
