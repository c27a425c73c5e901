import { writeImage } from "@accord/core";
import type { RecordId } from "@accord/core";
import { assert, patchesOf } from "@accord/engine/connector";
import type { Capabilities, CellPatch, WriteOperation, WriteOptions, WriteOutcome } from "@accord/engine/connector";
import { positionOf } from "./feed.ts";
import type { Fault } from "./faults.ts";
import type { FakeAuthor } from "./history.ts";
import type { AppliedRow, FakeInstallation } from "./installation.ts";
import type { FakeCell } from "./shape.ts";
import type { FakeState } from "./state.ts";
import type { FakeRow, FakeTable } from "./table.ts";
import { FakeRefusal } from "./transaction.ts";
import type { FakeTransaction } from "./transaction.ts";
import type { FakeWire } from "./wire.ts";

interface WriterFacts {
  /** The places in the object of the columns that images carry. */
  readonly places: readonly number[];
  readonly capabilities: Capabilities;
}

/** Writes batches to one object of a fake system, through the faults on the way. */
export class FakeWriter {
  readonly #system: FakeState;
  readonly #installation: FakeInstallation;
  readonly #wire: FakeWire;
  readonly #table: FakeTable;
  readonly #facts: WriterFacts;

  constructor(system: FakeState, installation: FakeInstallation, wire: FakeWire, table: FakeTable, facts: WriterFacts) {
    this.#system = system;
    this.#installation = installation;
    this.#wire = wire;
    this.#table = table;
    this.#facts = facts;
  }

  async write(operations: readonly WriteOperation[], options: WriteOptions): Promise<readonly WriteOutcome[]> {
    const fault = await this.#wire.send({ method: "write", object: this.#table.shape.object.name, size: operations.length }, options);
    this.#wire.throwRefusals(fault);
    if (fault?.kind !== "unavailable") await options.confirm?.();
    const outcomes = this.#execute(operations, options.mark.storeId, fault);
    await this.#wire.pause();
    return outcomes;
  }

  #execute(operations: readonly WriteOperation[], storeId: string, fault: Fault | null): readonly WriteOutcome[] {
    switch (fault?.kind) {
      case "unavailable":
        return operations.map(() => ({ kind: "notSent", reason: "The connection was refused.", retryAfterMs: null }));
      case "lostRequest":
        return operations.map(unknown);
      case "lostReply":
        this.#apply(operations, storeId);
        return operations.map(unknown);
      case "late":
        this.#applyLater(operations, storeId, fault.afterMs);
        return operations.map(unknown);
      case "duplicate": {
        const outcomes = this.#apply(operations, storeId);
        this.#applyLater(operations, storeId, fault.afterMs);
        return outcomes;
      }
      case "partialBatch": {
        const outcomes = this.#apply(operations.slice(0, fault.executed), storeId);
        return operations.map((_, index) => (index < fault.reported ? (outcomes[index] ?? unknown()) : unknown()));
      }
      default:
        return this.#apply(operations, storeId);
    }
  }

  #applyLater(operations: readonly WriteOperation[], storeId: string, afterMs: number): void {
    if (afterMs === 0) {
      this.#apply(operations, storeId);
      return;
    }
    // The request is on its way whether or not the caller still waits: nothing can cancel it, and no outcome of it can be told.
    const never = new AbortController();
    void this.#system.clock.sleep(afterMs, { signal: never.signal }).then(() => this.#apply(operations, storeId));
  }

  #apply(operations: readonly WriteOperation[], storeId: string): readonly WriteOutcome[] {
    if (this.#system.options.batch === "all-or-nothing") return this.#applyTogether(operations, storeId);
    return operations.flatMap((operation) => this.#applyTogether([operation], storeId));
  }

  /** One transaction: a refusal of one operation undoes all. */
  #applyTogether(operations: readonly WriteOperation[], storeId: string): readonly WriteOutcome[] {
    const transaction = this.#system.begin();
    const proofs: AppliedRow[] = [];
    try {
      const outcomes = operations.map((operation) =>
        this.#applyOne(transaction, operation, (record) => proofs.push(this.#proofOf(operation, record, storeId))),
      );
      transaction.commit();
      const { proof: proves, externalId } = this.#facts.capabilities;
      if (proves || externalId) for (const proof of proofs) this.#installation.prove(proof);
      return outcomes;
    } catch (cause) {
      transaction.rollBack();
      if (!(cause instanceof FakeRefusal)) throw cause;
      if (operations.length === 1) return [outcomeOf(cause)];
      return operations.map(() => ({ kind: "batchRejected", reason: cause.message }));
    }
  }

  #applyOne(transaction: FakeTransaction, operation: WriteOperation, prove: (record: RecordId) => void): WriteOutcome {
    const table = this.#table;
    const author: FakeAuthor = { kind: "accord", intent: operation.intent, entity: operation.entity };
    if (operation.kind === "create") {
      const made = this.#facts.capabilities.externalId ? this.#installation.byEntity(table.shape.object.name, operation.entity) : undefined;
      const isFormer = made !== undefined && operation.former?.includes(made.record) === true;
      if (made !== undefined && !isFormer && table.get(made.record) !== undefined) return { kind: "exists", record: made.record };
      const record = transaction.insert(table, this.#cellsOf(patchesOf(operation.set)), author);
      prove(record);
      return this.#applied(record, transaction);
    }
    const row = table.get(operation.record);
    if (row === undefined) return { kind: "missing" };
    if (this.#facts.capabilities.compareAndSet && !this.#holds(row, operation.expect)) return { kind: "changed" };
    if (operation.kind === "delete") {
      transaction.delete(table, operation.record, author);
      prove(operation.record);
      return this.#applied(operation.record, transaction);
    }
    const record = transaction.update(table, operation.record, this.#cellsOf(operation.set), author);
    prove(record);
    return this.#applied(record, transaction);
  }

  #proofOf(operation: WriteOperation, record: RecordId, storeId: string): AppliedRow {
    return { object: this.#table.shape.object.name, record, entity: operation.entity, intent: operation.intent, storeId };
  }

  #applied(record: RecordId, transaction: FakeTransaction): WriteOutcome {
    const returns = this.#system.options.writesReturn ?? "image-and-position";
    const row = this.#table.get(record);
    const image = row === undefined || returns === "nothing" ? null : writeImage(this.#facts.places.map((place) => row[place] ?? null));
    return { kind: "applied", record, image, position: returns === "image-and-position" ? positionOf(transaction.last) : null };
  }

  #holds(row: FakeRow, expect: readonly CellPatch[]): boolean {
    return expect.every(({ column, cell }) => cell === (row[this.#placeOf(column)] ?? null));
  }

  #cellsOf(patches: readonly CellPatch[]): Map<number, FakeCell> {
    const cells = new Map<number, FakeCell>();
    for (const { column, cell } of patches) {
      assert(cell !== undefined, "an unknown cell was written");
      cells.set(this.#placeOf(column), cell);
    }
    return cells;
  }

  #placeOf(column: number): number {
    const place = this.#facts.places[column];
    assert(place !== undefined, "a cell was written outside the open columns");
    return place;
  }
}

function outcomeOf(refusal: FakeRefusal): WriteOutcome {
  if (refusal.taken !== null)
    return { kind: "taken", reason: refusal.message, columns: refusal.taken.columns, holder: refusal.taken.holder };
  return { kind: "rejected", code: refusal.code, reason: refusal.message };
}

function unknown(): WriteOutcome {
  return { kind: "unknown", reason: "No answer came." };
}
