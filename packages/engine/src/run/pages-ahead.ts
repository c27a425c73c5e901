import type { RecordPage } from "../connector/connector.ts";

/** Takes pages from a listing before they are asked for, a bounded number of records: the system and the engine work at once. */
export class PagesAhead {
  private readonly listing: AsyncIterator<RecordPage>;
  private readonly recordsMax: number;
  private readonly pages: RecordPage[] = [];
  private held = 0;
  private isEnded = false;
  private failure: { readonly error: unknown } | null = null;
  /** Wakes whoever waits: for a page, or for room. One of them waits at a time. */
  private wake: () => void = () => {};

  constructor(listing: AsyncIterable<RecordPage>, recordsMax: number) {
    this.listing = listing[Symbol.asyncIterator]();
    this.recordsMax = recordsMax;
    void this.readOn();
  }

  /** The next page, or null at the end. @throws what the listing threw, once all pages before it were taken */
  async next(): Promise<RecordPage | null> {
    for (;;) {
      const page = this.pages.shift();
      if (page !== undefined) {
        this.held -= page.ids.length;
        this.wake();
        return page;
      }
      if (this.failure !== null) throw this.failure.error;
      if (this.isEnded) return null;
      await this.change();
    }
  }

  /** Lets the system stop, wherever the listing is. */
  async close(): Promise<void> {
    const isRunning = !this.isEnded;
    this.isEnded = true;
    this.wake();
    if (isRunning) await this.listing.return?.();
  }

  private async readOn(): Promise<void> {
    try {
      while (!this.isEnded) {
        while (this.held >= this.recordsMax && !this.isEnded) await this.change();
        if (this.isEnded) return;
        const next = await this.listing.next();
        if (next.done === true) this.isEnded = true;
        else {
          this.pages.push(next.value);
          this.held += next.value.ids.length;
        }
        this.wake();
      }
    } catch (error) {
      this.failure = { error };
      this.isEnded = true;
      this.wake();
    }
  }

  private change(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve;
    });
  }
}
