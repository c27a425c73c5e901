import { readImage, writeImage } from "@accord/core";
import type { NativeCell, NativeImage, ObjectSchema, RecordId, Value } from "@accord/core";
import { AccordError, assert } from "@accord/engine/connector";
import type {
  CallOptions,
  CellPatch,
  Change,
  Connection,
  Cursor,
  Feed,
  OpenObject,
  WriteOperation,
  WriteOutcome,
} from "@accord/engine/connector";
import type { ContractFacts, ContractFields, ContractKey, ContractObject, ContractWorld, SideDoor } from "./world.ts";

const COLUMNS: Readonly<Record<ContractObject, readonly string[]>> = {
  customers: ["id", "name", "email", "amount", "active", "note", "updated"],
  regions: ["code", "title"],
  lines: ["order_no", "line", "title", "region"],
};

/** How long a feed may take to show what is committed, before the test gives it up. */
const FEED_PATIENCE_MS = 15_000;

export interface Listed {
  readonly ids: RecordId[];
  readonly images: Map<RecordId, NativeImage>;
  readonly pageSizes: number[];
  readonly completes: boolean[];
}

/** Everything one rule of the contract works with: a fresh world and short ways to say things. */
export class Stage {
  readonly facts: ContractFacts;
  readonly world: ContractWorld;
  readonly connection: Connection;
  readonly user: SideDoor;
  readonly options: CallOptions;
  readonly mark = { storeId: "0123456789abcdef", generation: 1 };
  readonly #life = new AbortController();
  readonly #feeds: Feed[] = [];
  #intentLast = 0;
  #entityLast = 0;
  readonly #sentinels = new Set<RecordId>();

  constructor(facts: ContractFacts, world: ContractWorld) {
    this.facts = facts;
    this.world = world;
    this.connection = world.connection;
    this.user = world.sideDoor;
    this.options = { signal: this.#life.signal };
  }

  nameOf(object: ContractObject): string {
    return this.facts.objects[object];
  }

  async install(...objects: ContractObject[]): Promise<void> {
    const names = (objects.length === 0 ? (["customers", "regions", "lines"] as const) : objects).map((object) => this.nameOf(object));
    await this.connection.install(names, "do", this.options);
  }

  /** Opens an object with all its columns, or those given. */
  open(object: ContractObject, columns: readonly string[] = COLUMNS[object]): Promise<OpenObject> {
    return this.connection.open(this.nameOf(object), columns, this.options);
  }

  async installed(object: ContractObject = "customers", columns?: readonly string[]): Promise<OpenObject> {
    await this.install();
    return this.open(object, columns);
  }

  async schema(object: ContractObject): Promise<ObjectSchema> {
    const schema = (await this.connection.discover(this.options)).find(({ name }) => name === this.nameOf(object));
    assert(schema !== undefined, `${this.nameOf(object)} was not discovered`);
    return schema;
  }

  async list(object: OpenObject, pageSize = 1000, after: RecordId | null = null): Promise<Listed> {
    const listed: Listed = { ids: [], images: new Map(), pageSizes: [], completes: [] };
    for await (const page of object.list(after, { ...this.options, pageSize: Math.min(pageSize, object.capabilities.pageSizeMax) })) {
      assert(page.ids.length === page.images.length, "a page has as many images as ids");
      listed.ids.push(...page.ids);
      for (const [index, id] of page.ids.entries()) listed.images.set(id, page.images[index] ?? "");
      listed.pageSizes.push(page.ids.length);
      listed.completes.push(page.complete);
    }
    return listed;
  }

  /** The image of one record, or null. */
  async image(object: OpenObject, id: RecordId): Promise<NativeImage | null> {
    const { images } = await object.read([id], this.options);
    return images[0] ?? null;
  }

  /** The canonical texts of one record by column, or null. */
  async fields(object: OpenObject, id: RecordId): Promise<ContractFields | null> {
    const image = await this.image(object, id);
    return image === null ? null : fieldsOf(object, image);
  }

  /** Inserts a customer as a user and gives its record id. */
  async customer(fields: ContractFields = {}): Promise<RecordId> {
    return idOf(await this.user.insert("customers", { name: "Ada", ...fields }));
  }

  async updateCustomer(id: RecordId, fields: ContractFields): Promise<void> {
    await this.user.update("customers", [id], fields);
  }

  create(object: OpenObject, set: ContractFields, entity = this.nextEntity()): WriteOperation {
    return { kind: "create", intent: this.nextIntent(), entity, set: imageOf(object, set) };
  }

  update(
    object: OpenObject,
    record: RecordId,
    set: ContractFields,
    expect: ContractFields = {},
    entity = this.nextEntity(),
  ): WriteOperation {
    return { kind: "update", intent: this.nextIntent(), entity, record, set: patchesOf(object, set), expect: patchesOf(object, expect) };
  }

  delete(object: OpenObject, record: RecordId, expect: ContractFields = {}, entity = this.nextEntity()): WriteOperation {
    return { kind: "delete", intent: this.nextIntent(), entity, record, expect: patchesOf(object, expect) };
  }

  nextEntity(): number {
    this.#entityLast += 1;
    return this.#entityLast;
  }

  nextIntent(): string {
    this.#intentLast += 1;
    return `intent-${this.#intentLast}`;
  }

  write(object: OpenObject, operations: readonly WriteOperation[]): Promise<readonly WriteOutcome[]> {
    return object.write(operations, { ...this.options, mark: this.mark });
  }

  async writeOne(object: OpenObject, operation: WriteOperation): Promise<WriteOutcome> {
    const [outcome, ...others] = await this.write(object, [operation]);
    assert(outcome !== undefined && others.length === 0, "one operation has one outcome");
    return outcome;
  }

  /** Writes one operation that must be applied, and gives what came of it. */
  async applied(object: OpenObject, operation: WriteOperation): Promise<Extract<WriteOutcome, { kind: "applied" }>> {
    const outcome = await this.writeOne(object, operation);
    if (outcome.kind !== "applied") throw new Error(`Expected the ${operation.kind} to be applied, but it is ${JSON.stringify(outcome)}.`);
    return outcome;
  }

  cursor(): Promise<Cursor> {
    return this.connection.currentCursor(this.options);
  }

  async follow(objects: readonly OpenObject[], cursor: Cursor): Promise<Feed> {
    const feed = await this.connection.follow(objects, cursor, this.options);
    this.#feeds.push(feed);
    return feed;
  }

  /** A feed that has shown everything up to now: the cursor of now may lie before some changes already committed. The first object must be customers. */
  async watch(...objects: readonly OpenObject[]): Promise<Feed> {
    const feed = await this.follow(objects, await this.cursor());
    await this.drain(feed);
    return feed;
  }

  /** Every change up to now: a user adds a last customer, a sentinel, and the feed is read until it shows. Sentinels are left out. Customers must be followed at place 0. */
  async drain(
    feed: Feed,
    changesMax = 1000,
    onBatch: (cursor: Cursor, changes: readonly Change[]) => void = () => undefined,
  ): Promise<Change[]> {
    const sentinel = await this.customer({ name: "sentinel" });
    this.#sentinels.add(sentinel);
    const seen: Change[] = [];
    const endsAtMs = Date.now() + FEED_PATIENCE_MS;
    while (Date.now() < endsAtMs) {
      const batch = await feed.next({ ...this.options, waitMs: 200, changesMax });
      const kept = batch.changes.filter((change) => change.object !== 0 || !this.#sentinels.has(change.record));
      seen.push(...kept);
      onBatch(batch.cursor, kept);
      if (batch.changes.some((change) => change.object === 0 && change.record === sentinel)) return seen;
    }
    throw new Error("The feed did not show the last committed record in time.");
  }

  async close(): Promise<void> {
    this.#life.abort();
    for (const feed of this.#feeds) await feed.close().catch(() => undefined);
  }
}

/** The record id of a key. [S3] */
export function idOf(key: ContractKey): RecordId {
  return key.length === 1 ? (key[0] ?? "") : String(writeImage(key));
}

/** The canonical texts of an image by column. */
export function fieldsOf(object: OpenObject, image: NativeImage): ContractFields {
  const cells = readImage(image);
  assert(cells.length === object.columns.length, "an image has a cell for each open column");
  return Object.fromEntries(object.columns.map((column, place) => [column, decoded(object, column, cells[place])]));
}

/** Cells to write or to expect, from canonical texts. */
function patchesOf(object: OpenObject, fields: ContractFields): CellPatch[] {
  return Object.entries(fields).map(([column, text]) => {
    const place = object.columns.indexOf(column);
    assert(place !== -1, `${column} is open`);
    return { column: place, cell: text === null ? null : encoded(object, column, text) };
  });
}

/** What is not named is unknown. */
function imageOf(object: OpenObject, fields: ContractFields): NativeImage {
  const cells: NativeCell[] = object.columns.map(() => undefined);
  for (const { column, cell } of patchesOf(object, fields)) cells[column] = cell;
  return writeImage(cells);
}

/** The error that a promise rejects with; fails where it resolves or rejects with anything else. */
export async function failure(promise: Promise<unknown>): Promise<AccordError> {
  try {
    await promise;
  } catch (cause) {
    if (cause instanceof AccordError) return cause;
    throw new Error(`Expected an AccordError, but got ${String(cause)}.`, { cause });
  }
  throw new Error("Expected the call to fail, but it succeeded.");
}

function decoded(object: OpenObject, column: string, cell: string | null | undefined): Value {
  if (cell === null) return null;
  assert(cell !== undefined, `the cell of ${column} is known`);
  const result = codecOf(object, column).decode(cell);
  assert(result.kind === "value", `the cell of ${column} can be decoded`);
  return result.text;
}

function encoded(object: OpenObject, column: string, text: string): string {
  const result = codecOf(object, column).encode(text);
  assert(result.kind === "value", `the text for ${column} can be encoded`);
  return result.text;
}

function codecOf(object: OpenObject, column: string) {
  const codec = object.schema.columns.find(({ name }) => name === column)?.codec;
  assert(codec !== null && codec !== undefined, `${column} has a codec`);
  return codec;
}
