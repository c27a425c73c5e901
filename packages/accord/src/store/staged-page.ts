import type { StagedPage } from "@accord/engine/store";
import { listingStatement, type Side, type SyncShape } from "./catalogue.ts";
import type { CommitContext } from "./commit-context.ts";
import { writeHeader } from "./entity-header.ts";
import { bodyHead } from "./entity-members.ts";
import { writeKeys } from "./match-keys.ts";
import { firstPlace, lastPlace } from "./staged.ts";
import type { StagingThread, Statement } from "./staging-thread.ts";
import type { Steps } from "./steps.ts";

/** Stages a page of a first listing. Of a row, `body` is what the record says in short, with its image `held` beside that and its keys as in the row of an entity; or its image, and neither. */
export async function stagePage(
  context: CommitContext,
  { writeSoon, fence }: Pick<Steps, "writeSoon" | "fence">,
  thread: StagingThread,
  page: StagedPage,
): Promise<void> {
  const { session, catalogue } = context;
  const side = catalogue.side(page.sync, page.side);
  const cells = pageCells(page, side, catalogue.sync(page.sync));
  const id = session.first<[number]>(LAST_PAGE, ...cells) ?? writeSoon(() => session.first<[number]>(NEW_PAGE, ...cells));
  const first = lastPlace(session, firstPlace(page.sync, page.side)) + 1;
  const { ids, images, keys } = page;
  const records = ids.map((record) => side.toCell(record));
  // An id with an escape does not stand in an entity's row as it is: SQL could not put that together.
  const said = records.map((record, index) => (typeof record === "string" && ESCAPED.test(record) ? null : (page.said[index] ?? null)));
  const keyTexts = keys.map((own, index) => ((said[index] ?? null) === null ? null : writeKeys(own)));
  const statements = [...(ids.length === 0 ? [] : hashStatements(context, page, first)), listingStatement(side, page.listing)];
  await thread.write({ first, records, images, said, keys: keyTexts, page: id?.[0] ?? 0, statements, fence: fence.lease });
}

const ESCAPED = /[\b\t\n\v\f\r\\]/;

/** Hashes of a page's keys, rule by rule, as pairs of 32 bits, the low one first; 0 where there is no key. */
function hashStatements({ hash }: CommitContext, { sync, keys, said }: StagedPage, first: number): readonly Statement[] {
  const rules = Math.max(1, ...keys.map((own) => own.length));
  return Array.from({ length: rules }, (_, rule): Statement => {
    const hashes = new Uint32Array(keys.length * 2);
    for (let index = 0; index < keys.length; index += 1) {
      const key = rule > 0 && (said[index] ?? null) === null ? null : (keys[index]?.[rule] ?? null);
      if (key !== null) hash.writeEntityKey(sync, rule, key, hashes, index * 2);
    }
    return ["INSERT INTO staged_hash (rule, place, hashes) VALUES (?, ?, ?)", rule, first, new Uint8Array(hashes.buffer)];
  });
}

/** Pages of one listing mostly share position and time: those are kept once, with the parts of an entity's row that follow from them. */
function pageCells({ position, atMs, provenance }: StagedPage, side: Side, shape: SyncShape) {
  const fields = Array.from({ length: shape.fields }, () => ({ version: 1, provenance }));
  const member = { ack: fields.map(({ version }) => version) };
  const header = (isMember: (place: number) => boolean): string =>
    writeHeader({ version: 1, fields, members: shape.sides.map(({ place }) => (isMember(place) ? member : null)) }, shape.version);
  const level = header(() => true);
  const lone = header((place) => place === side.place);
  return [side.number, position, atMs, bodyHead(atMs, position), level, lone] as const;
}

const LAST_PAGE = `SELECT id FROM (SELECT * FROM staged_page WHERE side = ? ORDER BY id DESC LIMIT 1)
  WHERE position = ? AND at_ms = ? AND head = ? AND level_header = ? AND lone_header = ?`;
const NEW_PAGE = "INSERT INTO staged_page (side, position, at_ms, head, level_header, lone_header) VALUES (?, ?, ?, ?, ?, ?) RETURNING id";
