import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fakeHost } from "@accord/testkit";
import type { StoredEntity } from "@accord/engine/store";
import { expect, test } from "vitest";
import { createCatalogue, openSync } from "./catalogue.ts";
import { createEntityOverlay } from "./entity-overlay.ts";
import { createFormers } from "./entity-former.ts";
import { createEntityReader } from "./entity-read.ts";
import { writeEntities } from "./entity-write.ts";
import { findMatches } from "./match-keys.ts";
import type { MatchHash } from "./match-hash.ts";
import { createOpenIntents } from "./open-intents.ts";
import { openStoreFile } from "./open.ts";
import { createShardOf } from "./shards.ts";
import { createTally } from "./tally.ts";

test("[S36] two keys with one hash are two keys: strangers are never linked", () => {
  const folder = mkdtempSync(join(tmpdir(), "accord-keys-"));
  const { clock, random } = fakeHost();
  const session = openStoreFile(join(folder, "accord.db"), random, { durability: "full", maxPages: null });
  const colliding: MatchHash = { entityKey: () => 7n, writeEntityKey: () => {}, stagedKey: () => 7n };
  const sides = [0, 1].map((side) => ({ connection: `c${side}`, object: "o", keyOrder: "bytes" as const, columns: [] }));
  const { id: sync } = openSync(session, clock, "customers", { digest: "d", body: "{}", sides, fields: [], matchRules: 1 }, () => {});
  const catalogue = createCatalogue(session);
  const entity = (id: number): StoredEntity => ({
    id,
    sync,
    life: { kind: "live" },
    version: 1,
    fields: [],
    review: null,
    members: [null, null],
  });
  const written = Array.from({ length: 250 }, (_, index) => ({ entity: entity(index + 1), keys: [`key ${index + 1}`] }));
  const shardOf = createShardOf(16);
  const intents = createOpenIntents(session, shardOf);
  const overlay = createEntityOverlay(session, 8);
  const formers = createFormers(session, overlay);
  const context = {
    session,
    catalogue,
    hash: colliding,
    random,
    tally: createTally(session),
    intents,
    overlay,
    formers,
    reader: createEntityReader(session, catalogue, intents, formers, overlay),
    shardOf,
  };
  writeEntities(context, written, new Map(), []);
  const seekers = [1, 249, 999].map((key) => ({ record: "x", keys: [`key ${key}`] }));
  const found = findMatches(session, catalogue, overlay, colliding, sync, 0, seekers);
  expect(found.map(([match]) => match?.entities)).toEqual([[1], [249], []]);
  session.close();
  rmSync(folder, { recursive: true });
});
