import type { Lease, LeaseName } from "@accord/engine/store";
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
