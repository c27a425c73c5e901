import type { Connection } from "@accord/engine/connector";
import { FakeConnection } from "./connection.ts";
import { FakeState } from "./state.ts";
import type { FakeSystemOptions } from "./state.ts";

/** A business system in memory: typed objects with constraints, a commit log, proof rows, and faults on the way to it. Deterministic for its seed. */
export class FakeSystem extends FakeState {
  /** A new connection. Connections of one installation (default `accord`) share what `install` made. `pause`: instead of the system's own. */
  connect(facts: { readonly name?: string; readonly installation?: string; readonly pause?: () => Promise<void> } = {}): Connection {
    return new FakeConnection(this, facts.name ?? this.name, this.installation(facts.installation ?? "accord"), facts.pause ?? null);
  }
}

/** Makes a fake system. */
export function createFakeSystem(options: FakeSystemOptions): FakeSystem {
  return new FakeSystem(options);
}
