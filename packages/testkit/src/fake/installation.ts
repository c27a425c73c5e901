import type { EntityId, IntentId, RecordId } from "@accord/core";
import type { StoreMark } from "@accord/engine/connector";

/** The latest proof row of one entity's record. [S27] */
export interface AppliedRow {
  readonly object: string;
  readonly entity: EntityId;
  readonly record: RecordId;
  readonly intent: IntentId;
  readonly storeId: string;
}

/** What `install` made at a fake system for one installation: the captured objects, the proof table and the mark. */
export class FakeInstallation {
  readonly #rowsByEntity = new Map<string, AppliedRow>();
  readonly #rowsByRecord = new Map<string, AppliedRow>();
  readonly #rowsByIntent = new Map<IntentId, AppliedRow>();
  readonly objects = new Set<string>();
  mark: StoreMark | null = null;
  isInstalled = false;
  /** The log is kept after this sequence; cursors before it have expired. */
  forgottenThrough = 0;

  /** Enters the proof of a write: the latest intent per entity and object is kept, and the latest per record. */
  prove(row: AppliedRow): void {
    this.#forget(this.#rowsByEntity.get(entityKey(row)));
    this.#forget(this.#rowsByRecord.get(recordKey(row)));
    this.#rowsByEntity.set(entityKey(row), row);
    this.#rowsByRecord.set(recordKey(row), row);
    this.#rowsByIntent.set(row.intent, row);
  }

  byEntity(object: string, entity: EntityId): AppliedRow | undefined {
    return this.#rowsByEntity.get(entityKey({ object, entity }));
  }

  byIntent(object: string, intent: IntentId): AppliedRow | undefined {
    const row = this.#rowsByIntent.get(intent);
    return row?.object === object ? row : undefined;
  }

  /** The proof rows of an object in the order of entities. */
  rowsOf(object: string): readonly AppliedRow[] {
    return [...this.#rowsByEntity.values()].filter((row) => row.object === object).toSorted((a, b) => a.entity - b.entity);
  }

  /** All proof rows, and back: for backups, and for batches that are rolled back. */
  snapshot(): readonly AppliedRow[] {
    return [...this.#rowsByEntity.values()];
  }

  restore(rows: readonly AppliedRow[]): void {
    this.#rowsByEntity.clear();
    this.#rowsByRecord.clear();
    this.#rowsByIntent.clear();
    for (const row of rows) this.prove(row);
  }

  clear(): void {
    this.restore([]);
    this.objects.clear();
    this.mark = null;
    this.isInstalled = false;
  }

  #forget(row: AppliedRow | undefined): void {
    if (row === undefined) return;
    this.#rowsByEntity.delete(entityKey(row));
    this.#rowsByRecord.delete(recordKey(row));
    this.#rowsByIntent.delete(row.intent);
  }
}

function entityKey(row: Pick<AppliedRow, "object" | "entity">): string {
  return `${row.object}\n${row.entity}`;
}

function recordKey(row: Pick<AppliedRow, "object" | "record">): string {
  return `${row.object}\n${row.record}`;
}
