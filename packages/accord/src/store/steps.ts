import type { CallOptions } from "@accord/engine/connector";
import type { Lease } from "@accord/engine/store";
import { assertLease } from "./leases.ts";
import type { Session } from "./session.ts";
import type { Tally } from "./tally.ts";

/** Transactions of the store. */
export interface Steps {
  readonly read: <Result>(call: CallOptions, work: () => Result) => Result;
  readonly write: <Result>(work: () => Result) => Result;
  /** On disk no later than the next `write`. */
  readonly writeSoon: <Result>(work: () => Result) => Result;
  /** On disk when it resolves. Nothing else waits for that meanwhile: for large commits. */
  readonly writeAside: (work: () => void) => Promise<void>;
  /** As `writeSoon`, fence or none: for leases themselves. */
  readonly writeLease: <Result>(work: () => Result) => Result;
  readonly fence: Fence;
}

/** The lease under which a handle writes, where it has one. [S54] */
export interface Fence {
  lease: Lease | null;
}

/** Transactions that first forget what is kept in memory, where another process has committed since; and after one that was undone. */
export function createSteps(
  session: Session,
  kept: readonly { forget(isUndone: boolean): void }[],
  tally: Tally,
  committed: () => void,
): Steps {
  let seen: number | undefined;
  const fence: Fence = { lease: null };
  const forget = (isUndone: boolean): void => {
    for (const one of kept) one.forget(isUndone);
  };
  const refresh = (): void => {
    const now = session.first<[number]>("PRAGMA data_version")?.[0];
    if (now !== seen) forget(false);
    seen = now;
  };
  const counted = <Result>(work: () => Result): Result => {
    if (fence.lease !== null) assertLease(session, fence.lease);
    refresh();
    tally.clear();
    const result = work();
    tally.write();
    return result;
  };
  // What an undone transaction left in memory is not what the file says.
  const undone = <Result>(transaction: () => Result): Result => {
    try {
      const result = transaction();
      committed();
      return result;
    } catch (error) {
      forget(true);
      throw error;
    }
  };
  const writeSoon: Steps["writeSoon"] = (work) => undone(() => session.writeSoon(() => counted(work)));
  return {
    read: (call, work) =>
      session.read(call, () => {
        refresh();
        return work();
      }),
    write: (work) => undone(() => session.write(() => counted(work))),
    writeSoon,
    writeAside: async (work) => {
      writeSoon(work);
      await session.flush();
    },
    writeLease: (work) => session.writeSoon(work),
    fence,
  };
}
