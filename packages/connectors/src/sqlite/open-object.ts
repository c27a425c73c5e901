import type { EntityId, IntentId, ObjectSchema, RecordId } from "@accord/core";
import type {
  CallOptions,
  Capabilities,
  Clock,
  ListOptions,
  OpenObject,
  Position,
  Reading,
  RecordPage,
  WriteOperation,
  WriteOptions,
  WriteOutcome,
} from "@accord/engine/connector";
import type { Session, SqliteFile } from "./database.ts";
import { LINKS_PER_PAGE } from "./limits.ts";
import { listRecords, type ListSource } from "./listing.ts";
import type { InstalledNames } from "./names.ts";
import { findByEntity, findProofs, linksAfter } from "./proofs.ts";
import { createRowReader } from "./row-reader.ts";
import type { Table } from "./table.ts";
import { lastSequence } from "./touched-log.ts";
import { writeBatch, type WriteTarget } from "./write.ts";

/** One table opened with the columns of a sync. */
export class SqliteObject implements OpenObject {
  readonly schema: ObjectSchema;
  readonly columns: readonly string[];
  readonly capabilities: Capabilities;
  readonly table: Table;
  readonly #file: SqliteFile;
  readonly #names: InstalledNames;
  readonly #target: ListSource & WriteTarget;

  constructor(file: SqliteFile, clock: Clock, names: InstalledNames, table: Table, columns: readonly string[], capabilities: Capabilities) {
    this.schema = table.schema;
    this.columns = columns;
    this.capabilities = capabilities;
    this.table = table;
    this.#file = file;
    this.#names = names;
    this.#target = {
      file,
      table,
      reader: createRowReader(table, columns),
      columns,
      names,
      proof: capabilities.proof,
      deadlineMs: capabilities.requestDeadlineMs,
      nowMs: () => clock.nowMs(),
      positionOf: (session: Session) => lastSequence(session, names).toString(),
    };
  }

  list(after: RecordId | null, options: ListOptions): AsyncIterable<RecordPage> {
    return listRecords(this.#target, after, options);
  }

  async read(ids: readonly RecordId[], options: CallOptions): Promise<Reading> {
    const { reader } = this.#target;
    return this.#file.read((session) => {
      const rows = ids.map((id) => reader.find(session, id));
      return {
        images: rows.map((row) => (row === undefined ? null : reader.imageOf(session, row))),
        position: this.#target.positionOf(session),
      };
    }, options);
  }

  async write(operations: readonly WriteOperation[], options: WriteOptions): Promise<readonly WriteOutcome[]> {
    return writeBatch(this.#target, operations, options);
  }

  async findProofs(intents: readonly IntentId[], options: CallOptions): Promise<ReadonlyMap<IntentId, RecordId>> {
    return this.#file.read((session) => findProofs(session, this.#names, this.schema.name, intents), options);
  }

  async findByEntity(entities: readonly EntityId[], options: CallOptions): Promise<ReadonlyMap<EntityId, RecordId>> {
    return this.#file.read((session) => findByEntity(session, this.#names, this.schema.name, entities), options);
  }

  async *listLinks(after: EntityId | null, options: CallOptions): AsyncIterable<readonly (readonly [EntityId, RecordId])[]> {
    let last = after;
    for (;;) {
      const from = last;
      const links = await this.#file.read((session) => linksAfter(session, this.#names, this.schema.name, from, LINKS_PER_PAGE), options);
      if (links.length > 0) yield links;
      if (links.length < LINKS_PER_PAGE) return;
      last = links.at(-1)?.[0] ?? null;
    }
  }

  /** Positions are sequences of the log of touched records. A reading includes every change up to its own. */
  covers(known: Position, change: Position): boolean {
    return BigInt(known) >= BigInt(change);
  }
}
