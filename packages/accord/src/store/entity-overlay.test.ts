import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seededRandom } from "@accord/testkit";
import { expect, test } from "vitest";
import { createEntityOverlay, type EntityCells } from "./entity-overlay.ts";
import { openStoreFile } from "./open.ts";
import type { Session } from "./session.ts";

const ENTITIES = 12;

function cells(value: string): EntityCells {
  const keys = value.endsWith("0") ? null : value;
  return {
    fields: value,
    header: "h\t",
    records: "1\\N",
    states: "L2-",
    members: `a\nb"${value}`,
    keys,
    extra: null,
    lastEntry: value.length,
  };
}

/** What a reader of the table sees who lays the changes over it. */
function seen(session: Session, overlay: ReturnType<typeof createEntityOverlay>): readonly string[] {
  const rows = session.all<[number, string]>("SELECT id, fields FROM entity ORDER BY id");
  return rows.map(([id, fields]) => overlay.of(id)?.fields ?? fields);
}

test("[S6] changes that are held, folded, dropped, undone or read by another process always show what was committed last", () => {
  const folder = mkdtempSync(join(tmpdir(), "accord-changes-"));
  const path = join(folder, "accord.db");
  const random = seededRandom(5);
  const pick = (below: number): number => Number.parseInt(random.hex(4), 16) % below;
  const options = { durability: "normal", maxPages: null } as const;
  const sessions = [openStoreFile(path, random, options), openStoreFile(path, random, options)];
  const processes = sessions.map((session) => ({ session, overlay: createEntityOverlay(session, 5) }));
  const expected: string[] = [];
  for (let id = 1; id <= ENTITIES; id += 1) {
    expected.push("new");
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
    const written = new Map<number, string>();
    for (let count = pick(4); count >= 0; count -= 1) {
      const id = 1 + pick(ENTITIES);
      const value = `round ${round}.${count}`;
      written.set(id, value);
      if (pick(4) > 0) overlay.hold(id, cells(value));
      else {
        overlay.drop(id);
        session.run("UPDATE entity SET fields = ? WHERE id = ?", value, id);
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
  expect(rows.map(([fields]) => fields)).not.toEqual(expected.map(() => "new"));
  expect(folds).toBeGreaterThan(10);
  for (const session of sessions) session.close();
  rmSync(folder, { recursive: true });
});
