import type { NativeImage, RecordId } from "@accord/core";
import type { Connection, Submittable } from "pg";
import type { Cell } from "./pipeline.ts";

/** Lines of one page, cut into ids and images. */
export interface CopiedPage {
  readonly ids: readonly RecordId[];
  readonly images: readonly NativeImage[];
}

const TAB = "\t";
const ESCAPE = /\\([\s\S])/g;

/**
 * Runs statements of which one is a COPY … TO STDOUT and cuts its lines into pages. Each line is the key's cells followed by the image's. The socket rests
 * while a page waits to be taken, so that at most one page, the one being filled and what one read of the socket brought are in memory.
 *
 * Rows of other statements are kept in `rows`. Implements the interface by which `pg` lets other kinds of queries use its connections.
 */
export class CopyOut implements Submittable {
  readonly rows: (readonly Cell[])[] = [];
  readonly #text: string;
  readonly #pageSize: number;
  readonly #keyLength: number;
  readonly #full: CopiedPage[] = [];
  #ids: RecordId[] = [];
  #images: NativeImage[] = [];
  #connection: Connection | null = null;
  #ended = false;
  #error: Error | null = null;
  #wake: (() => void) | null = null;

  constructor(text: string, keyLength: number, pageSize: number) {
    this.#text = text;
    this.#keyLength = keyLength;
    this.#pageSize = pageSize;
  }

  /** The next page: full, but for the last one. Null after it. @throws what the server or the socket said */
  async nextPage(): Promise<CopiedPage | null> {
    for (;;) {
      const page = this.#full.shift();
      if (page !== undefined) {
        if (this.#full.length === 0) this.#connection?.stream.resume();
        return page;
      }
      if (this.#error !== null) throw this.#error;
      if (this.#ended) return this.#takeRest();
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** Ends waiting with this error. The session is of no use afterwards. */
  fail(error: Error): void {
    this.#error ??= error;
    this.#notify();
  }

  submit(connection: Connection): void {
    this.#connection = connection;
    connection.query(this.#text);
  }

  handleCopyData({ chunk }: { readonly chunk: Buffer }): void {
    const line = chunk.toString("utf8", 0, chunk.length - 1);
    let tab = line.indexOf(TAB);
    for (let part = 1; part < this.#keyLength; part += 1) tab = line.indexOf(TAB, tab + 1);
    const id = line.slice(0, tab);
    this.#ids.push(
      this.#keyLength === 1 && id.includes("\\") ? id.replace(ESCAPE, (_, character: string) => UNESCAPED[character] ?? character) : id,
    );
    this.#images.push(line.slice(tab + 1));
    if (this.#ids.length >= this.#pageSize) this.#finishPage();
  }

  handleDataRow({ fields }: { readonly fields: readonly Cell[] }): void {
    this.rows.push(fields);
  }

  handleError(error: Error): void {
    this.fail(error);
  }

  handleReadyForQuery(): void {
    this.#ended = true;
    this.#notify();
  }

  handleRowDescription(): void {}
  handleCommandComplete(): void {}
  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}

  #finishPage(): void {
    this.#full.push({ ids: this.#ids, images: this.#images });
    this.#ids = [];
    this.#images = [];
    this.#connection?.stream.pause();
    this.#notify();
  }

  #takeRest(): CopiedPage | null {
    if (this.#ids.length === 0) return null;
    const page = { ids: this.#ids, images: this.#images };
    this.#ids = [];
    this.#images = [];
    return page;
  }

  #notify(): void {
    this.#wake?.();
    this.#wake = null;
  }
}

/** A single key is an id as it stands, without escapes. */
const UNESCAPED: Readonly<Record<string, string>> = { t: "\t", n: "\n", r: "\r", b: "\b", f: "\f", v: "\v" };
