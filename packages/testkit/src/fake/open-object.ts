import { writeImage } from "@accord/core";
import type { EntityId, IntentId, NativeImage, ObjectSchema, RecordId } from "@accord/core";
import { assert } from "@accord/engine/connector";
import type {
  CallOptions,
  Capabilities,
  ListOptions,
  OpenObject,
  Position,
  Reading,
  RecordPage,
  WriteOperation,
  WriteOptions,
  WriteOutcome,
} from "@accord/engine/connector";
import { positionOf } from "./feed.ts";
import type { FakeInstallation } from "./installation.ts";
import type { FakeState } from "./state.ts";
import type { FakeRow, FakeTable } from "./table.ts";
import { FakeWriter } from "./writer.ts";
import type { FakeWire } from "./wire.ts";

interface OpenFacts {
  readonly connection: string;
  readonly columns: readonly string[];
  readonly capabilities: Capabilities;
}

/** One object of a fake system through a connection. */
export class FakeOpenObject implements OpenObject {
  readonly schema: ObjectSchema;
  readonly columns: readonly string[];
  readonly capabilities: Capabilities;
  readonly #system: FakeState;
  readonly #installation: FakeInstallation;
  readonly #wire: FakeWire;
  readonly #table: FakeTable;
  readonly #places: readonly number[];
  readonly #writer: FakeWriter;

  constructor(system: FakeState, installation: FakeInstallation, wire: FakeWire, table: FakeTable, facts: OpenFacts) {
    this.schema = table.shape.schema;
    this.columns = facts.columns;
    this.capabilities = facts.capabilities;
    this.#system = system;
    this.#installation = installation;
    this.#wire = wire;
    this.#table = table;
    this.#places = facts.columns.map((column) => table.shape.placeOf(column));
    this.#writer = new FakeWriter(system, installation, wire, table, { places: this.#places, capabilities: facts.capabilities });
  }

  async *list(after: RecordId | null, options: ListOptions): AsyncIterable<RecordPage> {
    let from = after;
    while (true) {
      const start = from;
      const { page, ends } = await this.#wire.ask(
        { method: "list", object: this.schema.name, size: options.pageSize },
        options,
        (fault) => {
          const whole = this.#page(start, options.pageSize);
          return fault?.kind === "truncatedPage" ? { page: cutPage(whole), ends: true } : { page: whole, ends: whole.complete };
        },
      );
      yield page;
      if (ends) return;
      from = page.ids.at(-1) ?? from;
    }
  }

  read(ids: readonly RecordId[], options: CallOptions): Promise<Reading> {
    assert(ids.length <= this.capabilities.pageSizeMax, "more ids were read at once than the capabilities allow");
    return this.#wire.ask({ method: "read", object: this.schema.name, size: ids.length }, options, () => {
      const sequence = this.#readSequence();
      const images = ids.map((id) => this.#imageOf(this.#rowAsOf(id, sequence)));
      const reading = { images, position: positionOf(sequence) };
      if (this.capabilities.merges !== true) return reading;
      const { history } = this.#system;
      return { ...reading, merged: ids.map((id, place) => (images[place] === null ? history.winnerOf(this.schema.name, id) : null)) };
    });
  }

  write(operations: readonly WriteOperation[], options: WriteOptions): Promise<readonly WriteOutcome[]> {
    assert(operations.length <= this.capabilities.batchSizeMax, "more operations were written at once than the capabilities allow");
    return this.#writer.write(operations, options);
  }

  findProofs(intents: readonly IntentId[], options: CallOptions): Promise<ReadonlyMap<IntentId, RecordId>> {
    assert(this.capabilities.proof, "proofs were looked for where there are none");
    return this.#wire.ask({ method: "findProofs", object: this.schema.name, size: intents.length }, options, () => {
      const found = new Map<IntentId, RecordId>();
      for (const intent of intents) {
        const row = this.#installation.byIntent(this.schema.name, intent);
        if (row !== undefined) found.set(intent, row.record);
      }
      return found;
    });
  }

  findByEntity(entities: readonly EntityId[], options: CallOptions): Promise<ReadonlyMap<EntityId, RecordId>> {
    assert(this.capabilities.externalId, "external ids were looked for where there are none");
    return this.#wire.ask({ method: "findByEntity", object: this.schema.name, size: entities.length }, options, () => {
      const found = new Map<EntityId, RecordId>();
      for (const entity of entities) {
        const row = this.#installation.byEntity(this.schema.name, entity);
        if (row !== undefined) found.set(entity, row.record);
      }
      return found;
    });
  }

  async *listLinks(after: EntityId | null, options: CallOptions): AsyncIterable<readonly (readonly [EntityId, RecordId])[]> {
    assert(this.capabilities.externalId, "links were listed where there are none");
    const pageSize = this.capabilities.pageSizeMax;
    let from = after ?? 0;
    while (true) {
      const start = from;
      const page = await this.#wire.ask({ method: "listLinks", object: this.schema.name, size: pageSize }, options, () =>
        this.#installation
          .rowsOf(this.schema.name)
          .filter((row) => row.entity > start)
          .slice(0, pageSize)
          .map((row) => [row.entity, row.record] as const),
      );
      if (page.length > 0) yield page;
      if (page.length < pageSize) return;
      from = page.at(-1)?.[0] ?? from;
    }
  }

  covers(known: Position, change: Position): boolean {
    return known >= change;
  }

  #page(after: RecordId | null, pageSize: number): RecordPage {
    const sequence = this.#readSequence();
    const ids = this.#idsAsOf(sequence);
    const start = after === null ? 0 : firstAbove(ids, after, this.#table.shape.compareIds);
    const pageIds = ids.slice(start, start + pageSize);
    return {
      ids: pageIds,
      images: pageIds.map((id) => this.#imageOf(this.#rowAsOf(id, sequence)) ?? ""),
      position: positionOf(sequence),
      complete: start + pageSize >= ids.length,
    };
  }

  /** The sequence that a reading shows: the last, or where readings may be stale one of the last `staleReadMsMax`. [S10] */
  #readSequence(): number {
    const { history, random } = this.#system;
    const { staleReadMsMax } = this.capabilities;
    return staleReadMsMax === 0 ? history.last : history.lastBefore(random.integer(staleReadMsMax + 1));
  }

  #idsAsOf(sequence: number): readonly RecordId[] {
    const { history } = this.#system;
    if (sequence >= history.last) return this.#table.sortedIds();
    const ids = new Set(this.#table.rows.keys());
    for (const change of history.changes.slice(sequence)) {
      if (change.object !== this.schema.name) continue;
      ids.add(change.record);
      if (change.from !== null) ids.add(change.from);
    }
    return [...ids].filter((id) => this.#rowAsOf(id, sequence) !== null).toSorted(this.#table.shape.compareIds);
  }

  #rowAsOf(id: RecordId, sequence: number): FakeRow | null {
    return this.#system.history.rowAsOf(this.schema.name, id, this.#table.get(id) ?? null, sequence);
  }

  #imageOf(row: FakeRow | null): NativeImage | null {
    return row === null ? null : writeImage(this.#places.map((place) => row[place] ?? null));
  }
}

/** The first half of a page, and never the last page. */
function cutPage(page: RecordPage): RecordPage {
  const half = Math.floor(page.ids.length / 2);
  return { ...page, ids: page.ids.slice(0, half), images: page.images.slice(0, half), complete: false };
}

function firstAbove(ids: readonly RecordId[], after: RecordId, compare: (a: RecordId, b: RecordId) => number): number {
  let low = 0;
  let high = ids.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compare(ids[middle] ?? "", after) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
