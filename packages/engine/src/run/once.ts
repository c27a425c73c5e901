/** Work that several may ask for, and that is done once. */
export class Once {
  /** Resolves when somebody has asked for it. Never fails. */
  readonly begun: Promise<void>;
  private readonly work: () => Promise<void>;
  private begin: (() => void) | null = null;
  private running: Promise<void> | null = null;

  constructor(work: () => Promise<void>) {
    this.work = work;
    this.begun = new Promise((resolve) => {
      this.begin = resolve;
    });
  }

  /** Does it, or waits until it is done; fails as it failed. */
  readonly run = (): Promise<void> => {
    this.begin?.();
    return (this.running ??= this.work());
  };
}
