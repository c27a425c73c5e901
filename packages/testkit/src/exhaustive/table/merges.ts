import type { People } from "../people.ts";
import type { Scenario, SystemTraits } from "../scenario.ts";

/** A record whose `merged_into` names another was merged into that one. */
const TELLING: SystemTraits = { columns: { merged_into: {} }, side: { merged: { column: "merged_into", isWritten: false } } };
/** Accord may merge there as well. */
const WRITABLE: SystemTraits = { ...TELLING, side: { merged: { column: "merged_into", isWritten: true } } };
/** The loser is gone, and the system tells where it went: by its log of touched records, or not but when it is asked. */
const FORGETFUL: SystemTraits = { can: { merges: true } };

/** Ann and her twin, the same everywhere. */
function enterTwins({ everywhere }: People): void {
  everywhere({ who: "ann", name: "Ann" });
  everywhere({ who: "twin", name: "Annie" });
}

/** Two records become one at a system. [S41] */
export const MERGES: readonly Scenario[] = [
  {
    name: "two records are merged: the loser's elsewhere stays, and is listed",
    rules: "S41",
    systems: { crm: TELLING },
    before: enterTwins,
    acts: [({ crm }) => crm.mergeByColumn("twin", "ann")],
    ends: ["ann Ann", "twin Annie"],
    asks: ["merged twin at erp"],
  },
  {
    name: "two records are merged at a system that tells which were touched",
    rules: "S41 S7",
    systems: { erp: TELLING },
    before: enterTwins,
    acts: [({ erp }) => erp.mergeByColumn("twin", "ann")],
    ends: ["ann Ann", "twin Annie"],
    asks: ["merged twin at crm"],
  },
  {
    name: "two records are merged at a system without a log",
    rules: "S41 S8",
    systems: { erp: { ...TELLING, can: { capture: "sweep" } } },
    before: enterTwins,
    acts: [({ erp }) => erp.mergeByColumn("twin", "ann")],
    ends: ["ann Ann", "twin Annie"],
    asks: ["merged twin at crm"],
  },
  {
    name: "the loser is gone, and the log tells that it was merged",
    rules: "S41",
    systems: { crm: FORGETFUL },
    before: enterTwins,
    acts: [({ crm }) => crm.merge("twin", "ann")],
    ends: { crm: ["ann Ann"], erp: ["ann Ann", "twin Annie"] },
    asks: ["merged twin at erp"],
  },
  {
    name: "the loser is gone, and only who asks for it hears that it was merged",
    rules: "S41 S11",
    systems: { erp: { can: { merges: true, capture: "sweep" } } },
    before: enterTwins,
    acts: [({ erp }) => erp.merge("twin", "ann")],
    ends: { crm: ["ann Ann", "twin Annie"], erp: ["ann Ann"] },
    asks: ["merged twin at crm"],
  },
  {
    name: "a merge is done at the other system as well, where Accord may",
    rules: "S41",
    systems: { crm: TELLING, erp: WRITABLE },
    fields: { name: {}, merged: { columns: [null, "merged_into"], from: [1] } },
    before: enterTwins,
    acts: [({ crm }) => crm.mergeByColumn("twin", "ann")],
    ends: { crm: ["ann Ann", "twin Annie"], erp: ["ann Ann -", "twin Annie 2"] },
  },
  {
    name: "somebody edits the record that Accord is about to merge: it is merged with the edit kept in its history",
    rules: "S41 S29",
    systems: { crm: TELLING, erp: WRITABLE },
    before: enterTwins,
    acts: [
      ({ crm, erp }) => {
        erp.meanwhile("write", () => erp.edit("twin", { name: "Anna" }));
        crm.mergeByColumn("twin", "ann");
      },
    ],
    ends: { crm: ["ann Ann", "twin Annie"], erp: ["ann Ann", "twin Anna"] },
  },
  {
    name: "a merge waits until what is being written of the loser is known",
    rules: "S41 S33",
    systems: { crm: TELLING },
    before: enterTwins,
    acts: [
      ({ crm, erp }) => {
        erp.meanwhile("write", () => crm.mergeByColumn("twin", "ann"), { kind: "lostReply" });
        crm.edit("twin", { name: "Anna" });
      },
    ],
    ends: ["ann Ann", "twin Anna"],
    asks: ["merged twin at erp"],
    allows: [
      {
        ends: { crm: ["ann Ann", "twin Anna"], erp: ["ann Ann", "twin Annie"] },
        asks: ["merged twin at erp"],
        why: "the merge may be seen before the edit was written; it stands in the history then",
      },
    ],
  },
  {
    name: "a person is asked what becomes of the loser elsewhere, and ends it",
    rules: "S41",
    systems: { crm: TELLING },
    sync: { merges: "archive-loser" },
    before: enterTwins,
    acts: [({ crm }) => crm.mergeByColumn("twin", "ann"), ({ decide }) => decide("twin", null, "delete")],
    ends: { crm: ["ann Ann", "twin Annie"], erp: ["ann Ann"] },
  },
  {
    name: "a person is asked what becomes of the loser elsewhere, and keeps it",
    rules: "S41",
    systems: { crm: TELLING },
    sync: { merges: "archive-loser" },
    before: enterTwins,
    acts: [({ crm }) => crm.mergeByColumn("twin", "ann"), ({ decide }) => decide("twin", null, "keep")],
    ends: ["ann Ann", "twin Annie"],
    asks: ["merged twin at erp"],
  },
  {
    name: "the loser's other record is edited: the edit goes nowhere, and nothing is lost of it",
    rules: "S41",
    systems: { crm: TELLING },
    before: enterTwins,
    acts: [({ crm }) => crm.mergeByColumn("twin", "ann"), ({ erp }) => erp.edit("twin", { name: "Anna" })],
    ends: { crm: ["ann Ann", "twin Annie"], erp: ["ann Ann", "twin Anna"] },
    asks: ["merged twin at erp"],
  },
  {
    name: "the loser's other record is deleted by hand: it is listed no more",
    rules: "S41 S38",
    systems: { crm: TELLING },
    before: enterTwins,
    acts: [({ crm }) => crm.mergeByColumn("twin", "ann"), ({ erp }) => erp.remove("twin")],
    ends: { crm: ["ann Ann", "twin Annie"], erp: ["ann Ann"] },
  },
  {
    name: "the shell of a merged record is thrown away: nothing is deleted for it",
    rules: "S41 S38",
    systems: { crm: TELLING },
    before: enterTwins,
    acts: [({ crm }) => crm.mergeByColumn("twin", "ann"), ({ crm }) => crm.remove("twin")],
    ends: { crm: ["ann Ann"], erp: ["ann Ann", "twin Annie"] },
    asks: ["merged twin at erp"],
  },
  {
    name: "a shell is thrown away before anybody looked, and the log has told of the merge",
    rules: "S41 S7",
    begins: "stopped",
    systems: { crm: TELLING },
    before: enterTwins,
    acts: [
      ({ crm }) => {
        crm.mergeByColumn("twin", "ann");
        crm.remove("twin");
      },
    ],
    ends: { crm: ["ann Ann"], erp: ["ann Ann", "twin Annie"] },
    asks: ["merged twin at erp"],
  },
  {
    name: "both systems merge the same two records",
    rules: "S41",
    systems: { crm: TELLING, erp: TELLING },
    before: enterTwins,
    acts: [
      ({ crm, erp }) => {
        crm.mergeByColumn("twin", "ann");
        erp.mergeByColumn("twin", "ann");
      },
    ],
    ends: ["ann Ann", "twin Annie"],
  },
  {
    name: "both systems merge the same two records, each the other way round",
    rules: "S41 I4",
    systems: { crm: TELLING, erp: TELLING },
    before: enterTwins,
    acts: [
      ({ crm, erp }) => {
        crm.mergeByColumn("twin", "ann");
        erp.mergeByColumn("ann", "twin");
      },
    ],
    ends: { crm: ["twin Annie", "twin Annie"], erp: ["ann Ann", "twin Annie"] },
    allows: [
      {
        ends: { crm: ["ann Ann", "twin Annie"], erp: ["ann Ann", "ann Ann"] },
        why: "who is seen first decides which of the two lives",
      },
    ],
  },
  {
    name: "a record is merged into one that was merged into a third",
    rules: "S41",
    systems: { crm: TELLING },
    before: ({ everywhere }) => {
      for (const who of ["ann", "bob", "cid"]) everywhere({ who, name: "old" });
    },
    acts: [
      ({ crm }) => crm.mergeByColumn("bob", "ann"),
      ({ crm }) => crm.mergeByColumn("cid", "bob"),
      ({ crm }) => crm.edit("ann", { name: "new" }),
    ],
    ends: { crm: ["ann new", "bob old", "cid old"], erp: ["ann new", "bob old", "cid old"] },
    asks: ["merged bob at erp", "merged cid at erp"],
  },
  {
    name: "two records are merged into a new one: the first goes on under its id",
    rules: "S41 S63 I4",
    systems: { crm: TELLING },
    before: enterTwins,
    acts: [
      ({ crm }) => {
        crm.add({ who: "anna", name: "Anna" });
        crm.mergeByColumn("ann", "anna");
        crm.mergeByColumn("twin", "anna");
      },
    ],
    ends: { crm: ["ann Ann", "anna Anna", "twin Annie"], erp: ["anna Anna", "twin Annie"] },
    asks: ["merged twin at erp"],
    allows: [
      {
        ends: { crm: ["ann Ann", "anna Anna", "twin Annie"], erp: ["ann Ann", "anna Anna"] },
        asks: ["merged ann at erp"],
        why: "whichever of the two is seen first goes on under the new id",
      },
    ],
  },
  {
    name: "a merge is taken back: the record stands for itself again everywhere",
    rules: "S41 S40",
    systems: { crm: TELLING },
    before: enterTwins,
    acts: [
      ({ crm }) => crm.mergeByColumn("twin", "ann"),
      ({ crm }) => crm.edit("twin", { merged_into: null }),
      ({ crm }) => crm.edit("twin", { name: "Anna" }),
    ],
    ends: ["ann Ann", "twin Anna"],
  },
  {
    name: "a merge that Accord did as well is taken back",
    rules: "S41 S40",
    systems: { crm: TELLING, erp: WRITABLE },
    fields: { name: {}, merged: { columns: [null, "merged_into"], from: [1] } },
    before: enterTwins,
    acts: [
      ({ crm }) => crm.mergeByColumn("twin", "ann"),
      ({ crm }) => crm.edit("twin", { merged_into: null }),
      ({ crm }) => crm.edit("twin", { name: "Anna" }),
    ],
    ends: { crm: ["ann Ann", "twin Anna"], erp: ["ann Ann -", "twin Anna -"] },
  },
  {
    name: "both systems merge the same two records, and one takes it back: elsewhere they are still one",
    rules: "S41 S40",
    systems: { crm: TELLING, erp: TELLING },
    before: enterTwins,
    acts: [
      ({ crm }) => crm.mergeByColumn("twin", "ann"),
      ({ erp }) => erp.mergeByColumn("twin", "ann"),
      ({ erp }) => erp.edit("twin", { merged_into: null, name: "Anna" }),
    ],
    ends: { crm: ["ann Ann", "twin Annie"], erp: ["ann Ann", "twin Anna"] },
    asks: ["merged twin at erp"],
  },
  {
    name: "three systems: the winner takes over the record that it lacks itself",
    rules: "S41 I4",
    systems: { crm: TELLING, shop: { side: { filter: ({ who }) => who !== "ann" } } },
    before: ({ crm, erp, shop }) => {
      for (const desk of [crm, erp]) desk.add({ who: "ann", name: "Ann" });
      for (const desk of [crm, erp, shop]) desk.add({ who: "twin", name: "Annie" });
    },
    acts: [({ crm }) => crm.mergeByColumn("twin", "ann")],
    ends: { crm: ["ann Ann", "twin Annie"], erp: ["ann Ann", "twin Annie"], shop: ["ann Ann"] },
    asks: ["merged twin at erp"],
  },
  {
    name: "three systems: the record that the winner takes over is being written: the merge waits until that is known",
    rules: "S41 S33 S34",
    systems: { crm: TELLING, shop: { side: { filter: ({ who }) => who !== "ann" } } },
    before: ({ crm, erp, shop }) => {
      for (const desk of [crm, erp]) desk.add({ who: "ann", name: "Ann" });
      for (const desk of [crm, erp, shop]) desk.add({ who: "twin", name: "Annie" });
    },
    acts: [
      ({ crm, shop }) => {
        shop.meanwhile("write", () => crm.mergeByColumn("twin", "ann"), { kind: "lostReply" });
        crm.edit("twin", { name: "Anna" });
      },
    ],
    ends: { crm: ["ann Ann", "twin Anna"], erp: ["ann Ann", "twin Anna"], shop: ["ann Ann"] },
    asks: ["merged twin at erp"],
    allows: [
      {
        ends: { crm: ["ann Ann", "twin Anna"], erp: ["ann Ann", "twin Annie"], shop: ["ann Ann"] },
        asks: ["merged twin at erp"],
        why: "the merge may be seen before the edit was written; it stands in the history then",
      },
    ],
  },
  {
    name: "records that were merged before Accord came are nobody's twins",
    rules: "S41 S36",
    begins: "planning",
    systems: { crm: TELLING },
    before: ({ crm, erp }) => {
      crm.add({ who: "ann", name: "Ann" });
      crm.add({ who: "ann", name: "Annie", merged_into: "1" });
      crm.add({ who: "old", name: "Anna", merged_into: "1" });
      erp.add({ who: "ann", name: "Ann" });
    },
    acts: [({ crm }) => crm.system.user.update("things", "1", { name: "Anna" })],
    ends: { crm: ["ann Anna", "ann Annie", "old Anna"], erp: ["ann Anna"] },
  },
  {
    name: "a record is entered and merged away before Accord looks: it is copied nowhere",
    rules: "S41 S36",
    systems: { crm: TELLING },
    acts: [({ crm }) => crm.add({ who: "dan", name: "Dan", merged_into: crm.id("ann") })],
    ends: { crm: ["ann Ann", "dan Dan"], erp: ["ann Ann"] },
  },
  {
    name: "the record that a merge left is gone as well: a person is asked, and the rest goes",
    rules: "S41 S38",
    begins: "stopped",
    systems: { crm: TELLING },
    before: enterTwins,
    acts: [
      ({ crm }) => {
        crm.edit("twin", { merged_into: "99" });
      },
      ({ decide }) => decide("twin", null, "delete"),
    ],
    ends: { crm: ["ann Ann", "twin Annie"], erp: ["ann Ann"] },
  },
  {
    name: "Accord's store is restored to a time before the merge: it is done over",
    rules: "S41 S58",
    systems: { crm: TELLING },
    before: enterTwins,
    acts: [({ backUpAccord }) => backUpAccord(), ({ crm }) => crm.mergeByColumn("twin", "ann"), ({ restoreAccord }) => restoreAccord()],
    ends: ["ann Ann", "twin Annie"],
    asks: ["merged twin at erp"],
  },
  {
    name: "what names a merged record names the one that is left, everywhere",
    rules: "S41 S44",
    hasCompanies: true,
    fields: { company: { reference: "companies" } },
    systems: { crm: { mergesCompanies: true } },
    before: ({ crm, erp }) => {
      for (const desk of [crm, erp]) {
        const acme = desk.companies.add({ code: "acme" });
        const zeta = desk.companies.add({ code: "zeta" });
        desk.add({ who: "ann", company: acme });
        desk.add({ who: "bob", company: zeta });
      }
    },
    acts: [({ crm }) => crm.companies.mergeByColumn("zeta", "acme"), ({ erp }) => erp.edit("ann", { company: erp.companies.id("zeta") })],
    ends: ["ann acme", "bob acme", "company acme", "company zeta"],
    asks: ["merged zeta at erp"],
  },
];
