import type { Lease, LeaseName } from "@accord/engine/store";
import { leaseLost } from "./errors.ts";
import type { Session } from "./session.ts";

type LeaseRow = [holder: string | null, epoch: number, expiresAtMs: number];

/** Takes or renews. The epoch rises whenever the lease changes hands or is taken anew, and is never used again: rows are kept after a release. [S54] */
export function takeLease(session: Session, name: LeaseName, holder: string, expiresAtMs: number, nowMs: number): Lease | null {
  const row = session.first<LeaseRow>("SELECT holder, epoch, expires_at_ms FROM lease WHERE name = ?", name);
  if (row !== undefined && row[0] !== null && row[0] !== holder && row[2] > nowMs) return null;
  const epoch = row === undefined ? 1 : row[0] === holder ? row[1] : row[1] + 1;
  session.run(
    "INSERT INTO lease (name, holder, epoch, expires_at_ms) VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, epoch = excluded.epoch, expires_at_ms = excluded.expires_at_ms",
    name,
    holder,
    epoch,
    expiresAtMs,
  );
  return { name, holder, epoch, expiresAtMs };
}

export function releaseLease(session: Session, lease: Lease): void {
  session.run("UPDATE lease SET holder = NULL WHERE name = ? AND holder = ? AND epoch = ?", lease.name, lease.holder, lease.epoch);
}

export function leaseHolder(session: Session, name: LeaseName): { readonly holder: string; readonly expiresAtMs: number } | null {
  const row = session.first<LeaseRow>("SELECT holder, epoch, expires_at_ms FROM lease WHERE name = ?", name);
  return row === undefined || row[0] === null ? null : { holder: row[0], expiresAtMs: row[2] };
}

/** Whether the lease is still this holder's. Clocks jump, so an expired lease that nobody took counts: only its epoch tells a stale holder. */
export function assertLease(session: Session, lease: Lease): void {
  if (session.first(LEASE_IS_HELD, lease.name, lease.holder, lease.epoch) === undefined) throw leaseLost(lease.name);
}

/** A row where it is. By name, holder and epoch. */
export const LEASE_IS_HELD = "SELECT 1 FROM lease WHERE name = ? AND holder = ? AND epoch = ?";
