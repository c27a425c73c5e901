import { AccordError } from "@accord/engine/connector";
import { engineLost, type Lease, type LeaseName } from "@accord/engine/store";
import type { MemoryState } from "./memory-state.ts";

export function takeLease(state: MemoryState, name: LeaseName, holder: string, expiresAtMs: number, nowMs: number): Lease | null {
  const current = state.leases.get(name);
  if (current !== undefined && current.holder !== holder && current.expiresAtMs > nowMs) return null;
  const epoch = current?.holder === holder ? current.epoch : (state.leaseEpochs.get(name) ?? 0) + 1;
  const lease: Lease = { name, holder, epoch, expiresAtMs };
  state.leaseEpochs.set(name, epoch);
  state.leases.set(name, lease);
  return lease;
}

export function releaseLease(state: MemoryState, lease: Lease): void {
  const current = state.leases.get(lease.name);
  if (current?.holder === lease.holder && current.epoch === lease.epoch) state.leases.delete(lease.name);
}

export function leaseHolder(state: MemoryState, name: LeaseName): { readonly holder: string; readonly expiresAtMs: number } | null {
  const lease = state.leases.get(name);
  return lease === undefined ? null : { holder: lease.holder, expiresAtMs: lease.expiresAtMs };
}

/** An expired lease that nobody took counts: only its epoch tells a stale holder. [S54] */
export function checkLease(state: MemoryState, lease: Lease): void {
  const current = state.leases.get(lease.name);
  if (current !== undefined && current.holder === lease.holder && current.epoch === lease.epoch) return;
  if (lease.name === "engine") throw engineLost();
  throw new AccordError("ACCORD_LEASE_LOST", "Another process has taken over this work.", { remedy: "stop" });
}
