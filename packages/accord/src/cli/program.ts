import type { Clock, Connector, Log, Random } from "@accord/engine/connector";
import type { Store } from "@accord/engine/store";

/** What the program lends to its commands. Only main.ts knows the concrete classes behind it. */
export interface Program {
  readonly version: string;
  /** Every connector of this build. Loaded when a command needs them: the drivers are heavy. */
  readonly loadConnectors: () => Promise<readonly Connector[]>;
  /** Opens the store, made where there is none. @throws ACCORD_STORE_NEWER, ACCORD_STORE_BROKEN, ACCORD_STORE_FULL, ACCORD_STORE_UNREACHABLE */
  readonly openStore: (options: StoreOptions) => Promise<FileStore>;
  /** Puts a backup in the place of a store. [S58] @throws ACCORD_STORE_BROKEN, ACCORD_STORE_NEWER: then nothing was changed */
  readonly restoreStore: (options: RestoreOptions) => Promise<{ readonly generation: number }>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly terminal: Terminal;
}

/** Where a command speaks. */
export interface Terminal {
  readonly out: (text: string) => void;
  readonly error: (text: string) => void;
  /** One line from the keyboard, or null where nobody sits there. */
  readonly ask: (question: string, signal: AbortSignal) => Promise<string | null>;
  /** Whether a person reads the standard error stream: progress is for people. */
  readonly isErrorTty: boolean;
  readonly isOutTty: boolean;
  /** Columns of the terminal; 100 in a pipe. */
  readonly width: number;
}

/** A store kept in a file. */
export interface FileStore extends Store {
  /** Copies the store into a new file while it is in use. @throws ACCORD_BACKUP_EXISTS */
  backup(path: string): Promise<void>;
}

export interface StoreOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export interface RestoreOptions {
  readonly from: string;
  readonly to: string;
  readonly random: Random;
  /** The highest generation that any system's mark of this store carries, where known. [S58] */
  readonly generationSeen: number | null;
}
