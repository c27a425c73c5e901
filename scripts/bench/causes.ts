const FIRST_CONTACT =
  "every record becomes a durable mark, is loaded again and joined a thousand at a time; an entity of two sides is written twice, and a create that becomes due for the first is withdrawn for the second. Up: the bulk path (stage in listing order, join whole key groups in one step, write entities once, fill key and member tables sorted at the end).";
const CONTENTION = "Taken while other work held both cores and the disk: measure again on a quiet machine before drawing a conclusion.";

/** By measure: what is known of why a figure stays below *must*, and what would raise it. Printed for those that do. "Profile" and "trace" name what was looked at; all else is a guess and says so. */
export const CAUSES: Readonly<Record<string, string>> = {
  P1: `${FIRST_CONTACT} Beside that each create goes through plan rows, an intent, a proof row and a settled entity. Not profiled by itself.`,
  P2: `profile at 100 k rows: two thirds in store transactions, a quarter in COMMIT alone; ${FIRST_CONTACT}`,
  P3: "profile at 100 k rows: half of it is the comparison of every stored member with the canonical record, a fifth reading members for the listing. Up: compare in the pass that lists, reading each entity once.",
  P3s: "not profiled; reading the stored members beside the listing is a store query a page. Up: images in listing order of each side.",
  P4: "trace: commits of some 600 entities each took tens of milliseconds; that the disk is what they wait for is likely and was not isolated. Up: fewer page writes per change.",
  P5: "the same commits as P4; the server applies without waiting for its disk, Accord does not. Up: merge and intent in one commit.",
  P6: "trace: of 8 ms some 4 lie between the arrival of the change and the write's effect: one synced commit of the store (0.4 to 6 ms here) and the server's own commit; the rest was not attributed. Native replication does not wait for the subscriber's disk.",
  P7: CONTENTION,
  P10: "V8's heap grows ahead of need; it is held down by flags (bin/accord.mjs). SQLite keeps up to 64 MiB of pages.",
  P11: "as P10. Up: a smaller page cache while nothing is loaded in bulk.",
  P12: "profile: store transactions are the largest part; an entity is written at the merge and again when its write is settled.",
  P13a: `${CONTENTION} Another run at 20 k rows read 0.96x.`,
  P13b: `${CONTENTION} Another run at 20 k rows read 1.42x.`,
};
