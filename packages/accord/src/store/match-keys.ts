import type { SQLInputValue } from "node:sqlite";
import { readImage, writeImage, type EntityId, type SideIndex } from "@accord/core";
import type { KeyMatch, Seeker, StoredEntity } from "@accord/engine/store";
import type { Catalogue, Side } from "./catalogue.ts";
import type { EntityOverlay } from "./entity-overlay.ts";
import { readExtra } from "./entity-extra.ts";
import { STATES_WITH_RECORD } from "./entity-members.ts";
import { MATCHES_MAX } from "./limits.ts";
import type { MatchHash } from "./match-hash.ts";
import type { BulkInsert, Session } from "./session.ts";

type Keys = readonly (string | null | undefined)[];
type Candidate = [place: number, entity: number, sync: number, keys: string | null, records: string, extra: string | null];

/** Candidates looked at per key at first; only where all of them are taken the key's list is walked on. */
const CANDIDATES = 8;

const STAGED: BulkInsert = { into: "staged_key (hash, side, record)", width: 3, conflict: "ON CONFLICT DO NOTHING" };

export const KEY: BulkInsert = { into: "match_key (hash, entity)", width: 2, conflict: "ON CONFLICT DO NOTHING" };

/** Removes an entity's keys that are over, and adds the rows of its new ones to `cells`. */
export function oldKeysOver(
  session: Session,
  hash: MatchHash,
  entity: StoredEntity,
  before: Keys,
  after: Keys,
  cells: SQLInputValue[],
): void {
  for (let rule = 0; rule < Math.max(before.length, after.length); rule += 1) {
    const [old, next] = [before[rule] ?? null, after[rule] ?? null];
    if (old === next) continue;
    if (old !== null) session.run("DELETE FROM match_key WHERE hash = ? AND entity = ?", hash.entityKey(entity.sync, rule, old), entity.id);
    if (next !== null) cells.push(hash.entityKey(entity.sync, rule, next), entity.id);
  }
}

/** Keys by rule as one text; null where there is none at all. */
export function writeKeys(keys: readonly (string | null)[]): string | null {
  return keys.every((key) => key === null) ? null : writeImage(keys);
}

export function readKeys(text: string | null): readonly (string | null | undefined)[] {
  return text === null ? [] : readImage(text);
}

/** Notes the keys of records that wait to be joined, so that two of them with one key are seen. [S36] */
export function stageKeys(
  session: Session,
  hash: MatchHash,
  staged: readonly { readonly side: Side; readonly cell: bigint | string; readonly keys: Keys }[],
): void {
  const cells: (bigint | string | number)[] = [];
  for (const { side, cell, keys } of staged) {
    keys.forEach((key, rule) => {
      if (key !== null && key !== undefined) cells.push(hash.stagedKey(side.number, rule, key), side.number, cell);
    });
  }
  session.insert(STAGED, cells);
}

/** Keys of records that neither wait nor were set aside say nothing any more. Called when no unlinked record waits. */
export function forgetStagedKeys(session: Session): void {
  if (session.first("SELECT 1 FROM staged_key LIMIT 1") === undefined) return;
  if (session.first("SELECT 1 FROM problem LIMIT 1") === undefined) session.run("DELETE FROM staged_key");
  else
    session.run(
      "DELETE FROM staged_key WHERE NOT EXISTS (SELECT 1 FROM problem p WHERE p.side = staged_key.side AND p.record = staged_key.record)",
    );
}

export function findMatches(
  session: Session,
  catalogue: Catalogue,
  overlay: EntityOverlay,
  hash: MatchHash,
  sync: number,
  place: SideIndex,
  seekers: readonly Seeker[],
): KeyMatch[][] {
  const side = catalogue.side(sync, place);
  const asked: { readonly seeker: number; readonly rule: number; readonly key: string }[] = [];
  seekers.forEach(({ keys }, seeker) => {
    keys.forEach((key, rule) => {
      if (key !== null) asked.push({ seeker, rule, key });
    });
  });
  const found = seekers.map(({ keys }) => keys.map((): { entities: EntityId[]; rivals: number } => ({ entities: [], rivals: 0 })));
  const seen = asked.map(() => 0);
  const take = (candidate: Candidate): void => {
    const ask = asked[candidate[0]];
    const match = ask === undefined ? undefined : found[ask.seeker]?.[ask.rule];
    if (ask === undefined || match === undefined || match.entities.length >= MATCHES_MAX) return;
    if (fits(session, side, current(overlay, candidate), sync, ask.rule, ask.key)) match.entities.push(candidate[1]);
  };
  const hashes = asked.map(({ rule, key }) => hash.entityKey(sync, rule, key));
  for (const candidate of session.all<Candidate>(FIRST_CANDIDATES, `[${hashes.join(",")}]`)) {
    seen[candidate[0]] = (seen[candidate[0]] ?? 0) + 1;
    take(candidate);
  }
  asked.forEach(({ seeker, rule }, index) => {
    const match = found[seeker]?.[rule];
    if (match === undefined || (seen[index] ?? 0) < CANDIDATES || match.entities.length >= MATCHES_MAX) return;
    match.entities = [];
    walkCandidates(session, hashes[index] ?? 0n, index, take, () => match.entities.length >= MATCHES_MAX);
  });
  countRivals(session, hash, side, seekers, (seeker, rule, rivals) => {
    const match = found[seeker]?.[rule];
    if (match !== undefined) match.rivals = rivals;
  });
  return found;
}

const FIRST_CANDIDATES = `SELECT j.key, e.id, e.sync, e.keys, e.records, e.extra FROM json_each(?) j CROSS JOIN match_key k ON k.hash = j.value
  AND k.entity IN (SELECT entity FROM match_key WHERE hash = j.value ORDER BY entity LIMIT ${CANDIDATES}) JOIN entity e ON e.id = k.entity`;

/** A key that very many entities share, one bounded page after another. */
function walkCandidates(session: Session, hash: bigint, index: number, take: (candidate: Candidate) => void, enough: () => boolean): void {
  let after = -1;
  while (!enough()) {
    const page = session.all<Candidate>(
      "SELECT CAST(? AS INTEGER), e.id, e.sync, e.keys, e.records, e.extra FROM match_key k JOIN entity e ON e.id = k.entity WHERE k.hash = ? AND k.entity > ? ORDER BY k.entity LIMIT 100",
      index,
      hash,
      after,
    );
    page.forEach(take);
    const last = page.at(-1);
    if (last === undefined) return;
    after = last[1];
  }
}

function current(overlay: EntityOverlay, candidate: Candidate): Candidate {
  const held = overlay.of(candidate[1]);
  return held === undefined ? candidate : [candidate[0], candidate[1], candidate[2], held.keys, held.records, held.extra];
}

/** Whether a candidate really has the key, lives, and has no live record at the side. */
function fits(
  session: Session,
  side: Side,
  [, , sync, keys, records, extra]: Candidate,
  asked: number,
  rule: number,
  key: string,
): boolean {
  if (sync !== asked || keys === null || readImage(keys)[rule] !== key) return false;
  if (extra !== null && (readExtra(extra).life?.kind ?? "live") !== "live") return false;
  const record = readImage(records)[side.place];
  if (record === null || record === undefined) return true;
  return (
    session.first(
      `SELECT 1 FROM member WHERE side = ? AND record = ? AND state IN ${STATES_WITH_RECORD}`,
      side.number,
      side.toCell(record),
    ) === undefined
  );
}

/** Other unlinked records of the side with the key, waiting or set aside with a problem; three are counted, more say nothing more. */
function countRivals(
  session: Session,
  hash: MatchHash,
  side: Side,
  seekers: readonly Seeker[],
  tell: (seeker: number, rule: number, rivals: number) => void,
): void {
  if (session.first("SELECT 1 FROM staged_key LIMIT 1") === undefined) return;
  seekers.forEach(({ record, keys }, seeker) => {
    const cell = side.toCell(record);
    keys.forEach((key, rule) => {
      if (key === null) return;
      const rivals = session.first<[number]>(RIVALS, hash.stagedKey(side.number, rule, key), side.number, cell)?.[0] ?? 0;
      if (rivals > 0) tell(seeker, rule, rivals);
    });
  });
}

const RIVALS = `SELECT count(*) FROM (SELECT 1 FROM staged_key s WHERE s.hash = ? AND s.side = ? AND s.record <> ?
  AND NOT EXISTS (SELECT 1 FROM member m WHERE m.side = s.side AND m.record = s.record AND m.state IN ${STATES_WITH_RECORD})
  AND (EXISTS (SELECT 1 FROM mark k WHERE k.side = s.side AND k.record = s.record) OR EXISTS (SELECT 1 FROM problem p WHERE p.side = s.side AND p.record = s.record))
  LIMIT ${MATCHES_MAX})`;
