/**
 * The first format of the store.
 *
 * - `side` numbers every (sync, place): the tables below carry that number.
 * - A `record` column has no affinity: an INTEGER where the object's keys sort as integers, else TEXT, so that ORDER BY record is the listing order.
 * - `member` links records to entities, clustered by (side, record): its key is the rule that a record belongs to one entity [S34], and it is written only when links
 *   change. Images, positions and times stand in `entity.members` (entity-members.ts): an edit of one record dirties one page and not three, and loading an
 *   entity is one look-up. A sweep and a verification read `entity` from end to end (entity-scan.ts), and `member` in its order only where records differ.
 * - `entity_overlay` holds what commits changed of entities before it is folded into their rows (entity-overlay.ts): whoever reads the columns of `entity` by SQL
 *   lays it over them, but for `id`, `sync` and `review_since`, which always stand in the row.
 * - `sync_version` keeps what a sync was configured as, one row per version: how its entities lie (`fields`, `columns`), the types that its columns had (`types`, by side), how its fields were mapped (`mappings`, by side), and what the project
 *   file said of it (`source`), so that one can go back. [S50, S51]
 * - `entity.states` says who lives (entity-states.ts): so a write knows what it changes without reading images, and links that stay are not touched.
 * - `entity.last_entry` is the entity's last journal entry and its line names the one before: an entity's history is a chain of look-ups, since an index by entity would
 *   dirty a page per entry. `journal_head` is the same for entities that have no row.
 * - `entity.header` holds versions, provenances and acknowledgements compactly (entity-header.ts); `extra` holds, as JSON, only what is not the default.
 * - `staged_record` keeps what first listings read, in listing order (staged-page.ts), `staged_hash` the hashes of a page's match keys as one blob per rule. `staged_group` is made once
 *   all are listed: who meets whom, a thousand records per row (staged-groups.ts). Entities that are made as they were staged get their links and match keys at the end,
 *   in order; `staged_other` names partners of records that are not of such, and `staged_link` holds what came in no order of theirs. All are empty but during a first contact.
 * - `mark.seq` and so the order of work within a shard: shard × 2^40 + a counter. One tree serves "oldest first of a shard" and "this very mark". `mark.entity` is the entity
 *   that its record is linked to now; a commit that changes a link changes it too.
 * - `intent_block` holds the open intents that one commit opened at one side, a few dozen per row, what creates ask for apart (intent-lines.ts); the view `intent` shows them one by one to people and tests.
 * - `due.extra` is null in a row as a merge left it; what was set aside once has an empty one at least (due-plannable.ts).
 * - `counter` counts what is too much to be counted when somebody asks (tally.ts).
 * - `match_key` and `staged_key` hold 64-bit hashes: 20 bytes a row whatever the keys are. A candidate's key text is compared before anything is linked. Entities that an entity names
 *   are among its keys: so they are found that name another.
 * - `plan_page` holds operations of a plan, some hundred per row (plans.ts): they are written once, read in order, and dropped together.
 * - `merged` says what merged entities have become, in one step; what stands of it in `entity.extra` may be older. [S41]
 * - `journal` holds a few hundred entries of one commit per row, a line each (journal-lines.ts), and its link of the chain; an entry's number is its row's `first` and its place
 *   in it. A line keeps salt and payload, and its digest only once they were erased. [S64] `rare` tells which of the kinds that are few a row holds, `latest_ms` the latest time that any
 *   entry up to its end bears: nobody who looks for one of those, or for what is young, reads the journal to its beginning.
 */
export const initial = `
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE counter (kind INTEGER NOT NULL, number INTEGER NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (kind, number)) WITHOUT ROWID;

CREATE TABLE sync (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, version INTEGER NOT NULL, digest TEXT NOT NULL, state TEXT NOT NULL, reason TEXT
);
CREATE TABLE sync_version (
  sync INTEGER NOT NULL, version INTEGER NOT NULL, digest TEXT NOT NULL, body TEXT NOT NULL, fields TEXT NOT NULL, columns TEXT NOT NULL, match_rules INTEGER NOT NULL, at_ms INTEGER NOT NULL,
  types TEXT NOT NULL, mappings TEXT NOT NULL, source TEXT,
  PRIMARY KEY (sync, version)
) WITHOUT ROWID;
CREATE TABLE side (
  id INTEGER PRIMARY KEY, sync INTEGER NOT NULL, place INTEGER NOT NULL, connection TEXT NOT NULL, object TEXT NOT NULL, key_order TEXT NOT NULL,
  listing TEXT NOT NULL DEFAULT 'none', listing_after TEXT, listed_at_ms INTEGER, listed_strangers INTEGER,
  UNIQUE (sync, place)
);
CREATE TABLE connection (name TEXT PRIMARY KEY, cursor TEXT, epoch TEXT, state TEXT NOT NULL, reason TEXT) WITHOUT ROWID;
CREATE TABLE lease (name TEXT PRIMARY KEY, holder TEXT, epoch INTEGER NOT NULL, expires_at_ms INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE entity (
  id INTEGER PRIMARY KEY, sync INTEGER NOT NULL, fields TEXT NOT NULL, header TEXT NOT NULL, records TEXT NOT NULL, states TEXT NOT NULL, members TEXT NOT NULL, keys TEXT, extra TEXT,
  review_since INTEGER, last_entry INTEGER
);
CREATE TABLE entity_overlay (seq INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL);
CREATE INDEX entity_sync ON entity (sync);
CREATE INDEX entity_review ON entity (review_since) WHERE review_since IS NOT NULL;
CREATE TABLE member (
  side INTEGER NOT NULL, record NOT NULL, entity INTEGER NOT NULL, state INTEGER NOT NULL,
  PRIMARY KEY (side, record)
) WITHOUT ROWID;

CREATE TABLE match_key (hash INTEGER NOT NULL, entity INTEGER NOT NULL, PRIMARY KEY (hash, entity)) WITHOUT ROWID;
CREATE TABLE staged_key (hash INTEGER NOT NULL, side INTEGER NOT NULL, record NOT NULL, PRIMARY KEY (hash, side, record)) WITHOUT ROWID;

CREATE TABLE merged (loser INTEGER PRIMARY KEY, winner INTEGER NOT NULL);
CREATE INDEX merged_winner ON merged (winner);

CREATE TABLE first_contact (
  sync INTEGER PRIMARY KEY, first_entity INTEGER NOT NULL, level_chunks INTEGER NOT NULL, first_other INTEGER NOT NULL, others INTEGER NOT NULL, up_to INTEGER NOT NULL, alone INTEGER NOT NULL
);
CREATE TABLE staged_page (
  id INTEGER PRIMARY KEY, side INTEGER NOT NULL, position TEXT NOT NULL, at_ms INTEGER NOT NULL, head TEXT NOT NULL, level_header TEXT NOT NULL, lone_header TEXT NOT NULL
);
CREATE TABLE staged_record (place INTEGER PRIMARY KEY, record NOT NULL, body TEXT NOT NULL, held TEXT, keys TEXT, page INTEGER NOT NULL);
CREATE TABLE staged_hash (rule INTEGER NOT NULL, place INTEGER NOT NULL, hashes BLOB NOT NULL, UNIQUE (rule, place));
CREATE TABLE staged_group (place INTEGER PRIMARY KEY, words BLOB NOT NULL);
CREATE TABLE staged_other (place INTEGER PRIMARY KEY);
CREATE TABLE staged_link (sync INTEGER NOT NULL, entity INTEGER NOT NULL, hash INTEGER, side INTEGER, record, state INTEGER);

CREATE TABLE mark (
  seq INTEGER PRIMARY KEY, side INTEGER NOT NULL, record NOT NULL, renamed_from, kind INTEGER NOT NULL, image TEXT, position TEXT, from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL,
  keys TEXT, not_before_ms INTEGER NOT NULL, attempts INTEGER NOT NULL, entity INTEGER, merged_into TEXT,
  UNIQUE (side, record)
);
CREATE INDEX mark_renamed ON mark (side, renamed_from) WHERE renamed_from IS NOT NULL;
CREATE INDEX mark_later ON mark (not_before_ms) WHERE not_before_ms > 0;
CREATE TABLE request (id INTEGER PRIMARY KEY AUTOINCREMENT, shard INTEGER NOT NULL, sync INTEGER NOT NULL, entity INTEGER NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL, run INTEGER, at_ms INTEGER NOT NULL, not_before_ms INTEGER NOT NULL);
CREATE INDEX request_shard ON request (shard);

CREATE TABLE due (
  side INTEGER NOT NULL, shard INTEGER NOT NULL, entity INTEGER NOT NULL, state INTEGER NOT NULL, not_before_ms INTEGER NOT NULL, since_ms INTEGER NOT NULL, attempts INTEGER NOT NULL,
  waits_for INTEGER, extra TEXT,
  PRIMARY KEY (side, entity)
) WITHOUT ROWID;
CREATE INDEX due_ready ON due (shard, side, since_ms, entity, not_before_ms) WHERE state = 0;
CREATE INDEX due_later ON due (not_before_ms) WHERE state = 0 AND not_before_ms > since_ms;
CREATE INDEX due_set_aside ON due (since_ms) WHERE state >= 2;
CREATE INDEX due_waits ON due (waits_for) WHERE waits_for IS NOT NULL;
CREATE TABLE intent_block (number INTEGER PRIMARY KEY, side INTEGER NOT NULL, body TEXT NOT NULL, images TEXT);
CREATE VIEW intent AS SELECT b.side, j.value ->> 1 AS entity, j.value ->> 0 AS id, j.value ->> 2 AS kind, j.value ->> 3 AS record, j.value ->> 4 AS run, j.value ->> 5 AS attempt,
  j.value ->> 6 AS opened_at_ms, j.value ->> 7 AS deadline_ms FROM intent_block b, json_each(b.body) j;

CREATE TABLE journal (first INTEGER PRIMARY KEY, rare INTEGER NOT NULL, latest_ms INTEGER NOT NULL, chain TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX journal_rare ON journal (first, rare) WHERE rare > 0;
CREATE TABLE journal_head (entity INTEGER PRIMARY KEY, last_entry INTEGER NOT NULL);

CREATE TABLE problem (
  side INTEGER NOT NULL, record NOT NULL, kind TEXT NOT NULL, reason TEXT NOT NULL, entities TEXT NOT NULL, at_ms INTEGER NOT NULL, PRIMARY KEY (side, record, kind)
) WITHOUT ROWID;
CREATE INDEX problem_at ON problem (at_ms);

CREATE TABLE run (
  id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, started_at_ms INTEGER NOT NULL, finished_at_ms INTEGER, outcome TEXT, writes INTEGER NOT NULL DEFAULT 0,
  first_seq INTEGER, last_seq INTEGER
);
CREATE TABLE plan (id INTEGER PRIMARY KEY AUTOINCREMENT, run INTEGER NOT NULL, created_at_ms INTEGER NOT NULL, summary TEXT);
CREATE TABLE plan_page (plan INTEGER NOT NULL, last INTEGER NOT NULL, first INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (plan, last)) WITHOUT ROWID;
CREATE TABLE guard_tally (side INTEGER PRIMARY KEY, since_ms INTEGER NOT NULL, counts TEXT NOT NULL);
CREATE TABLE trip (id TEXT PRIMARY KEY, sync INTEGER NOT NULL, guard TEXT NOT NULL, reason TEXT NOT NULL, tripped_at_ms INTEGER NOT NULL, approved_at_ms INTEGER) WITHOUT ROWID;
`;
