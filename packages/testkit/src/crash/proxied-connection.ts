import type { Socket } from "node:net";

/** Which way bytes go: from whoever connected to the server, or back. */
export type Direction = "requests" | "answers";

/** What can befall connections. */
export type Fault =
  /** All are reset at once; new ones get through. */
  | { readonly kind: "cut" }
  /** All are reset, and so are new ones. */
  | { readonly kind: "refuse" }
  /** Every byte arrives so much later. Milliseconds. */
  | { readonly kind: "delay"; readonly delayMs: number }
  /** Bytes of one direction vanish, as those of a dead link do: such a connection is cut when all is mended. */
  | { readonly kind: "drop"; readonly direction: Direction }
  /** Of the next bytes of one direction this share arrives, and then the connection is cut. */
  | { readonly kind: "truncate"; readonly direction: Direction; readonly share: number }
  /** Half-open: one direction stands still, and neither end learns of it. What it was given arrives when all is mended. */
  | { readonly kind: "hold"; readonly direction: Direction };

/** What a {@link ProxiedConnection} tells. */
export interface ConnectionWatcher {
  /** It felt the present fault. Once per fault. */
  felt(): void;
  ended(): void;
}

/** Two sockets and the bytes between them. */
export class ProxiedConnection {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #watcher: ConnectionWatcher;
  readonly #lanes: readonly Lane[];
  #fault: Fault | null = null;
  #hasFelt = false;
  #isSilent = false;

  constructor(client: Socket, server: Socket, watcher: ConnectionWatcher) {
    this.#client = client;
    this.#server = server;
    this.#watcher = watcher;
    this.#lanes = [new Lane(client, server), new Lane(server, client)];
    client.on("data", (bytes: Buffer) => this.#carry("requests", bytes));
    server.on("data", (bytes: Buffer) => this.#carry("answers", bytes));
    client.on("end", () => this.#lane("requests").end());
    server.on("end", () => this.#lane("answers").end());
    let open = 2;
    for (const socket of [client, server]) {
      socket.on("error", () => this.cut());
      socket.on("close", () => {
        open -= 1;
        if (open === 0) watcher.ended();
      });
    }
  }

  /** One direction stands still from now on, whatever is mended. */
  silence(direction: Direction): void {
    this.mend();
    this.#isSilent = true;
    this.#lane(direction).hold();
  }

  disturb(fault: Fault): void {
    if (this.#isSilent) return;
    this.#fault = fault;
    this.#hasFelt = false;
    if (fault.kind === "cut" || fault.kind === "refuse") {
      this.#feel();
      this.cut();
    } else if (fault.kind === "hold") this.#lane(fault.direction).hold();
  }

  mend(): void {
    if (this.#isSilent) return;
    const isDamaged = this.#hasFelt && this.#fault?.kind === "drop";
    this.#fault = null;
    if (isDamaged) this.cut();
    for (const lane of this.#lanes) lane.release();
  }

  /** Both ends see a reset. */
  cut(): void {
    this.#client.resetAndDestroy();
    this.#server.resetAndDestroy();
  }

  #carry(direction: Direction, bytes: Buffer): void {
    const lane = this.#lane(direction);
    const fault = this.#fault;
    if (fault?.kind === "delay") {
      this.#feel();
      lane.carry(bytes, fault.delayMs);
    } else if (fault?.kind === "drop" && fault.direction === direction) {
      this.#feel();
    } else if (fault?.kind === "truncate" && fault.direction === direction) {
      this.#feel();
      lane.carry(bytes.subarray(0, Math.floor(bytes.length * fault.share)), 0);
      for (const each of this.#lanes) each.end();
    } else {
      if (fault?.kind === "hold" && fault.direction === direction) this.#feel();
      lane.carry(bytes, 0);
    }
  }

  #lane(direction: Direction): Lane {
    // Made by the constructor, in this order.
    return this.#lanes[direction === "requests" ? 0 : 1] as Lane;
  }

  #feel(): void {
    if (this.#hasFelt) return;
    this.#hasFelt = true;
    this.#watcher.felt();
  }
}

/** One direction of a connection: bytes in the order in which they came, some of them later than others. */
class Lane {
  readonly #from: Socket;
  readonly #to: Socket;
  #waiting: { readonly bytes: Buffer | null; readonly atMs: number }[] = [];
  #isHeld = false;
  #timer: NodeJS.Timeout | null = null;

  constructor(from: Socket, to: Socket) {
    this.#from = from;
    this.#to = to;
    to.on("drain", () => from.resume());
    to.on("close", () => {
      if (this.#timer !== null) clearTimeout(this.#timer);
    });
  }

  carry(bytes: Buffer, delayMs: number): void {
    this.#waiting.push({ bytes, atMs: performance.now() + delayMs });
    this.#move();
  }

  /** The sender has nothing more to say. */
  end(): void {
    this.#waiting.push({ bytes: null, atMs: 0 });
    this.#move();
  }

  hold(): void {
    this.#isHeld = true;
  }

  /** Whatever waits goes now. */
  release(): void {
    this.#isHeld = false;
    this.#waiting = this.#waiting.map(({ bytes }) => ({ bytes, atMs: 0 }));
    this.#move();
  }

  #move(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    while (!this.#isHeld) {
      const [first] = this.#waiting;
      if (first === undefined) return;
      const waitMs = first.atMs - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#move(), waitMs);
        return;
      }
      this.#waiting.shift();
      if (first.bytes === null) this.#to.end();
      else if (this.#to.writable && !this.#to.write(first.bytes)) this.#from.pause();
    }
  }
}
