import type { Value } from "@accord/core";
import type { Capabilities, Connection } from "@accord/engine/connector";

/**
 * The objects that every system under contract holds, empty at first:
 *
 * - `customers`: `id` integer, the key, filled by the system; `name` text, never null; `email` text, unique; `amount` decimal with two places; `active` boolean;
 *   `note` text of any length; `updated` instant; `internal` text, which the contract never opens.
 * - `regions`: `code` text, the key; `title` text.
 * - `lines`: `order_no` integer and `line` text, the key together; `title` text; `region` text, refers to `regions.code`.
 *
 * Columns may be null where nothing else is said.
 */
export type ContractObject = "customers" | "regions" | "lines";

/** Canonical texts by column. */
export type ContractFields = Readonly<Record<string, Value>>;

/** The canonical texts of a record's key columns, in order. */
export type ContractKey = readonly string[];

/** A user of the system who knows nothing of Accord. Each call is committed when it resolves; calls made at once run at once where the system can. */
export interface SideDoor {
  insert(object: ContractObject, fields: ContractFields): Promise<ContractKey>;
  /** Changes nothing where there is no such record. */
  update(object: ContractObject, key: ContractKey, fields: ContractFields): Promise<void>;
  delete(object: ContractObject, key: ContractKey): Promise<void>;
  /** The record's `internal` cell and all others as the system itself shows them, or null where there is no such record. */
  look(object: ContractObject, key: ContractKey): Promise<ContractFields | null>;
  /** Gives the record another key. */
  readonly rename?: (object: ContractObject, key: ContractKey, newKey: ContractKey) => Promise<void>;
  /** Empties the object at once (TRUNCATE). */
  readonly empty?: (object: ContractObject) => Promise<void>;
  /** Makes one record of two, of which the first is gone then and the system tells into which. [S41] */
  readonly merge?: (object: ContractObject, key: ContractKey, into: ContractKey) => Promise<void>;
  /** Begins a transaction that stays open while others work. */
  readonly hold?: () => Promise<HeldTransaction>;
}

/** A user's open transaction. */
export interface HeldTransaction {
  insert(object: ContractObject, fields: ContractFields): Promise<ContractKey>;
  update(object: ContractObject, key: ContractKey, fields: ContractFields): Promise<void>;
  delete(object: ContractObject, key: ContractKey): Promise<void>;
  commit(): Promise<void>;
  rollBack(): Promise<void>;
}

/** A fresh system with nothing installed, and the ways to it. */
export interface ContractWorld {
  readonly connection: Connection;
  /** Another connection to the same system and installation. */
  connect(): Connection;
  readonly sideDoor: SideDoor;
  /** Texts that no error may show: passwords, tokens. */
  readonly secrets: readonly string[];
  /** A connection to where nobody answers. */
  readonly unreachable?: () => Connection;
  /** A connection with credentials that the system refuses. */
  readonly refused?: () => Connection;
  /** Breaks what is on its way to the system at this moment, as a failing network would; later calls get through again. */
  readonly cut?: () => Promise<void>;
  /** Removes the system and closes every connection made here. */
  close(): Promise<void>;
}

/** What a connector is known to do once installed. The suite checks that it is true, and which rules apply follows from it. */
export interface ContractFacts extends Pick<Capabilities, "capture" | "compareAndSet" | "proof" | "externalId"> {
  /** What the system calls the objects. */
  readonly objects: Readonly<Record<ContractObject, string>>;
  /** Whether the operations of a batch succeed or fail one by one, or one refusal makes all of them `batchRejected`. */
  readonly batch: "per-item" | "all-or-nothing";
  readonly writesReturn: "image-and-position" | "image" | "nothing";
  /** Whether the hints of a feed without images carry positions. Default false. */
  readonly numberedHints?: boolean;
  /** Whether the side door can do these. */
  readonly sideDoor: readonly ("rename" | "empty" | "merge" | "hold")[];
  /** Whether the world offers these. */
  readonly world: readonly ("unreachable" | "refused" | "cut")[];
  /** Random interleavings per property. Default 30. */
  readonly propertyRuns?: number;
}

/** Makes one fresh world for one test. */
export type MakeWorld = () => Promise<ContractWorld>;
