import type { RecordId } from "@accord/core";
import { assert } from "@accord/engine/connector";
import type { Capabilities, Clock } from "@accord/engine/connector";
import type { FaultPlan } from "./faults.ts";
import { FakeHistory } from "./history.ts";
import type { FakeAuthor } from "./history.ts";
import { fakeHost } from "./host.ts";
import { FakeInstallation } from "./installation.ts";
import type { AppliedRow } from "./installation.ts";
import { seededRandom } from "./random.ts";
import type { SeededRandom } from "./random.ts";
import type { FakeCell, FakeObject } from "./shape.ts";
import { FakeTable } from "./table.ts";
import type { FakeRow } from "./table.ts";
import { FakeTransaction } from "./transaction.ts";
import type { FakeCells } from "./transaction.ts";

/** What a fake system is made of. Everything left out is as good as a system can be (G3). */
export interface FakeSystemOptions {
  readonly name: string;
  readonly objects: readonly FakeObject[];
  /** What the system can do once installed. */
  readonly capabilities?: Partial<Capabilities>;
  /** `per-item`: each operation of a batch succeeds or fails by itself. `all-or-nothing`: one refusal makes all `batchRejected`. Default `per-item`. */
  readonly batch?: "per-item" | "all-or-nothing";
  /** What a write gives back: the image and its position, the image alone (position null), or nothing. Default `image-and-position`. */
  readonly writesReturn?: "image-and-position" | "image" | "nothing";
  /** Whether hints of a trigger log carry the position of their change. Default `numbered`. */
  readonly hints?: "numbered" | "bare";
  /** Whether the log gives columns that an update left alone as unknown, as PostgreSQL does with TOAST values. Default false. */
  readonly omitsUnchanged?: (column: string) => boolean;
  readonly clock?: Clock;
  readonly random?: SeededRandom;
  /** Awaited before and after every effect, so that a scheduler can choose who goes on. Default: one microtask. */
  readonly pause?: () => Promise<void>;
  readonly faults?: FaultPlan | null;
}

/** Native cells of a record by column, in any spelling that the column's codec accepts. */
export type FakeFields = Readonly<Record<string, FakeCell>>;

/** People at work in a fake system: every call is committed at once. Refusals are thrown as `FakeRefusal`. */
export interface FakeUser {
  insert(object: string, fields: FakeFields): RecordId;
  /** Gives the record's id afterwards. */
  update(object: string, record: RecordId, fields: FakeFields): RecordId;
  delete(object: string, record: RecordId): void;
  /** Makes one record of two, of which the first is gone then. [S41] */
  merge(object: string, record: RecordId, into: RecordId): void;
  /** Changes key cells: the record goes on under a new id. */
  rename(object: string, record: RecordId, key: FakeFields): RecordId;
  /** Empties the object at once, as TRUNCATE does. */
  empty(object: string): void;
  /** Commits several changes together. Where `work` throws, none of them happens. */
  transaction<Result>(work: (user: FakeUser) => Result): Result;
  /** The same desk, another person: the history tells them apart. */
  named(name: string): FakeUser;
}

/** A system's state as it was, to be restored. */
export interface FakeBackup {
  readonly rows: ReadonlyMap<string, ReadonlyMap<RecordId, FakeRow>>;
  readonly applied: ReadonlyMap<string, readonly AppliedRow[]>;
}

/** What a business system in memory holds: typed objects with constraints, a commit log, proof rows, and the plan of what goes wrong. */
export class FakeState {
  readonly options: FakeSystemOptions;
  readonly name: string;
  readonly clock: Clock;
  readonly random: SeededRandom;
  readonly history: FakeHistory;
  readonly tables: ReadonlyMap<string, FakeTable>;
  readonly user: FakeUser;
  /** What goes wrong from now on; null heals. */
  faults: FaultPlan | null;
  #epoch = 1;
  #callCount = 0;
  readonly #installations = new Map<string, FakeInstallation>();

  constructor(options: FakeSystemOptions) {
    this.options = options;
    this.name = options.name;
    this.clock = options.clock ?? fakeHost().clock;
    this.history = new FakeHistory(this.clock);
    this.random = options.random ?? seededRandom(1);
    this.faults = options.faults ?? null;
    this.tables = new Map(options.objects.map((object) => [object.name, new FakeTable(object)]));
    this.user = this.#desk("user", null);
  }

  installation(name: string): FakeInstallation {
    const installation = this.#installations.get(name) ?? new FakeInstallation();
    this.#installations.set(name, installation);
    return installation;
  }

  table(object: string): FakeTable {
    const table = this.tables.get(object);
    assert(table !== undefined, `the fake system ${this.name} has no object ${object}`);
    return table;
  }

  /** The fields of a record now, or null where there is none: for tests and checkers, past all faults. */
  record(object: string, record: RecordId): FakeFields | null {
    const row = this.table(object).get(record);
    return row === undefined ? null : this.#fieldsOf(object, row);
  }

  /** Every record now, by id, in the order of listings. */
  records(object: string): ReadonlyMap<RecordId, FakeFields> {
    const table = this.table(object);
    return new Map(table.sortedIds().map((id) => [id, this.#fieldsOf(object, table.get(id) ?? [])]));
  }

  /** Changes with every restored backup. [S12] */
  get epoch(): string {
    return `fake:${this.name}:${this.#epoch}`;
  }

  backUp(): FakeBackup {
    return {
      rows: new Map([...this.tables].map(([name, table]) => [name, new Map(table.rows)])),
      applied: new Map([...this.#installations].map(([name, installation]) => [name, installation.snapshot()])),
    };
  }

  /** Restores a backup: rows and proof rows are old again, the log starts anew, the epoch changes. */
  restore(backup: FakeBackup): void {
    for (const [name, rows] of backup.rows) this.table(name).replaceAll(rows);
    for (const [name, installation] of this.#installations) {
      installation.restore(backup.applied.get(name) ?? []);
      installation.forgottenThrough = this.history.last + 1;
    }
    this.#epoch += 1;
  }

  /** The number of the next call that reaches the system. */
  nextCall(): number {
    this.#callCount += 1;
    return this.#callCount - 1;
  }

  begin(): FakeTransaction {
    return new FakeTransaction(this.tables, this.history, this.clock.nowMs());
  }

  #fieldsOf(object: string, row: FakeRow): FakeFields {
    return Object.fromEntries(this.table(object).shape.object.columns.map((column, place) => [column.name, row[place] ?? null]));
  }

  #desk(name: string, within: FakeTransaction | null): FakeUser {
    const author: FakeAuthor = { kind: "user", name };
    const run = <Result>(work: (transaction: FakeTransaction) => Result): Result => {
      if (within !== null) return work(within);
      const transaction = this.begin();
      try {
        const result = work(transaction);
        transaction.commit();
        return result;
      } catch (cause) {
        transaction.rollBack();
        throw cause;
      }
    };
    const cellsOf = (object: string, fields: FakeFields): FakeCells => {
      const { shape } = this.table(object);
      return new Map(Object.entries(fields).map(([column, cell]) => [shape.placeOf(column), cell]));
    };
    const update = (object: string, record: RecordId, fields: FakeFields): RecordId =>
      run((transaction) => transaction.update(this.table(object), record, cellsOf(object, fields), author));
    return {
      insert: (object, fields) => run((transaction) => transaction.insert(this.table(object), cellsOf(object, fields), author)),
      update,
      delete: (object, record) => run((transaction) => transaction.delete(this.table(object), record, author)),
      merge: (object, record, into) => run((transaction) => transaction.merge(this.table(object), record, into, author)),
      rename: update,
      empty: (object) => run((transaction) => transaction.empty(this.table(object), author)),
      transaction: (work) => run((transaction) => work(this.#desk(name, transaction))),
      named: (other) => this.#desk(other, within),
    };
  }
}
