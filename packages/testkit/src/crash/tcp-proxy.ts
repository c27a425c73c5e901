import { connect, createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { ProxiedConnection } from "./proxied-connection.ts";
import type { Direction, Fault } from "./proxied-connection.ts";

/** A way to a server on this machine, which can be disturbed. */
export interface TcpProxy {
  /** Where it listens, at 127.0.0.1. */
  readonly port: number;
  /** Connections that pass through it now. */
  readonly connections: number;
  /** Disturbs all connections, and those to come, until it is mended. One fault at a time. */
  disturb(fault: Fault): void;
  /**
   * All is well again. What was held back arrives now, late; connections that lost bytes are cut. Returns how many connections felt the fault: had bytes delayed,
   * held, dropped or truncated, or were cut or refused.
   */
  mend(): number;
  /**
   * The connections that there are now stand still in one direction for good, as after a firewall has forgotten them: no end, no reset, not even of a side that gives
   * up. New ones get through. Returns how many there are.
   */
  silence(direction: Direction): number;
  /** Cuts everything and listens no more. */
  close(): Promise<void>;
}

/** Passes bytes both ways between whoever connects and the port at 127.0.0.1, unaltered and in order as long as nothing is disturbed. */
export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  const proxy = new Proxy(targetPort);
  await proxy.listen();
  return proxy;
}

class Proxy implements TcpProxy {
  readonly #targetPort: number;
  readonly #server: Server;
  readonly #open = new Set<ProxiedConnection>();
  #fault: Fault | null = null;
  #felt = 0;

  constructor(targetPort: number) {
    this.#targetPort = targetPort;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#accept(client));
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  get connections(): number {
    return this.#open.size;
  }

  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject).listen(0, "127.0.0.1", resolve);
    });
  }

  disturb(fault: Fault): void {
    this.mend();
    this.#fault = fault;
    for (const connection of this.#open) connection.disturb(fault);
  }

  mend(): number {
    this.#fault = null;
    for (const connection of this.#open) connection.mend();
    const felt = this.#felt;
    this.#felt = 0;
    return felt;
  }

  silence(direction: Direction): number {
    this.mend();
    for (const connection of this.#open) connection.silence(direction);
    return this.#open.size;
  }

  async close(): Promise<void> {
    for (const connection of this.#open) connection.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(client: Socket): void {
    if (this.#fault?.kind === "refuse") {
      this.#felt += 1;
      client.on("error", () => {});
      client.resetAndDestroy();
      return;
    }
    const server = connect({ port: this.#targetPort, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    const connection = new ProxiedConnection(client, server, {
      felt: () => (this.#felt += 1),
      ended: () => this.#open.delete(connection),
    });
    this.#open.add(connection);
    if (this.#fault !== null) connection.disturb(this.#fault);
  }
}
