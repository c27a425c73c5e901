const CONTENTION = "Taken while other work held both cores and the disk: measure again on a quiet machine before drawing a conclusion.";

/** By measure: what is known of why a figure stays below *must*, and what would raise it. Printed for those that do. "Profile" and "trace" name what was looked at; all else is a guess and says so. */
export const CAUSES: Readonly<Record<string, string>> = {
  P1: "profile at 100 k rows, microseconds a record: settling 44 (half of it the commit, the rest the journal's payload and the new member), first contact 22, intents and pushing 21, the plan 12, the release of its rows 8, the garbage collector 26, waiting for the server 10. Each create is loaded, and what is owed worked out, three times: for the plan, for the push, and at first contact. Up: writing creates straight from the pages of the plan; a second core for the store.",
  P2: "profile at 200 k pairs, microseconds a pair: commits of groups 9, listing and staging 5, loading groups 4, what both sides say alike 3, grouping and the final sorts 5, the garbage collector 3; start and the 3.5 % that is written the rest. Up: the store, or the listing of the other side, on the second core.",
  P3: "profile at 100 k rows: a third of the processor time is the start of the program (some 600 modules), the rest is reading entities, reading their fields, taking lines from COPY and sums of both, in this order. Up: the program as one file; reading and comparing on the second core.",
  P3s: "as P3, without the reading of fields; the commits of a plan beside it.",
  P4: "trace: commits of some 600 entities each took tens of milliseconds; that the disk is what they wait for is likely and was not isolated. Up: fewer page writes per change.",
  P5: "profile at 100 k rows, microseconds a change: commits 67 (half of it SQLite's COMMIT), merging 18, looking up 14, settling 16, the garbage collector 35, waiting for the server and the disk 70; nearly twice that in the first seconds of a process, while code is still being compiled. The server applies without waiting for its disk, Accord does not. Up: a leaner entity row, fewer objects a change.",
  P6: "trace of some 4 ms on a busy machine: 2 from the arrival of the change to the call, of which 0.6 to 0.8 are the synced commit of the intent, and 1.2 to 2 the call with the server's own commit. Native replication does not wait for the subscriber's disk. Up: the statements sent while the intent is being synced, their COMMIT after it.",
  P7: CONTENTION,
  P10: "V8's heap grows ahead of need; it is held down by flags (bin/accord.mjs). SQLite keeps up to 16 MiB of pages.",
  P11: "as P10.",
  P12: "profile: two fifths in store transactions (an entity is written at the merge and again when its write is settled), a fifth to a third in the garbage collector, the rest in merging and settling; the first changes after a start cost nearly twice as much, since code is still being compiled.",
  P13a: `${CONTENTION} Another run at 20 k rows read 0.96x.`,
  P13b: `${CONTENTION} Another run at 20 k rows read 1.42x.`,
};
