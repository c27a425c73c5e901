import type { Scenario, SystemTraits } from "../scenario.ts";

/** Records that read as archived where `state` is X. */
const ARCHIVING: SystemTraits = {
  columns: { state: { default: "A" } },
  side: { archive: { column: "state", cell: "X", restored: "A" } },
};
/** `state` is shown at the end too. */
const STATED = { name: {}, state: { from: [0, 1] } } as const;

/** What was deleted comes back, and what is taken already is looked at. */
export const RETURNS: readonly Scenario[] = [
  {
    name: "what both archived comes back at both, each in its own place",
    rules: "S38 S40",
    systems: { crm: ARCHIVING, erp: ARCHIVING },
    fields: STATED,
    before: ({ everywhere }) => everywhere({ who: "ann", name: "Ann" }),
    acts: [({ crm }) => crm.edit("ann", { state: "X" }), ({ erp }) => erp.edit("ann", { state: "A" })],
    ends: ["ann Ann A"],
  },
  {
    name: "what was archived by mistake is taken out again before anybody looked",
    rules: "S38 S40",
    begins: "stopped",
    systems: { erp: ARCHIVING },
    acts: [
      ({ erp }) => {
        erp.edit("ann", { state: "X" });
        erp.edit("ann", { state: "A", name: "Anne" });
      },
    ],
    ends: ["ann Anne"],
  },
  {
    name: "somebody takes out of the archive what Accord has just put there",
    rules: "S38 S40",
    systems: { erp: ARCHIVING },
    acts: [
      ({ crm, erp }) => {
        erp.meanwhile("next", () => erp.edit("ann", { name: "Ann" }));
        crm.remove("ann");
      },
      ({ erp }) => erp.edit("ann", { state: "A" }),
    ],
    ends: ["ann Ann"],
  },
  {
    name: "a record comes back under its old key: it is what it was, everywhere",
    rules: "S38 S40",
    systems: { crm: { isKeyedByWho: true } },
    acts: [
      ({ crm }) => crm.remove("ann"),
      ({ crm }) => crm.add({ who: "ann", name: "Anne" }),
      ({ erp }) => erp.edit("ann", { name: "Anna" }),
    ],
    ends: ["ann Anna"],
  },
  {
    name: "a record comes back under its old key while its delete is carried to the other system",
    rules: "S38 S40 S33",
    systems: { crm: { isKeyedByWho: true } },
    acts: [
      ({ crm, erp }) => {
        erp.meanwhile("write", () => crm.add({ who: "ann", name: "Anne" }));
        crm.remove("ann");
      },
    ],
    ends: ["ann Anne"],
  },
  {
    name: "a record comes back under its old key where the other system archives: nothing is made twice",
    rules: "S38 S40 I4",
    systems: { crm: { isKeyedByWho: true }, erp: ARCHIVING },
    acts: [({ crm }) => crm.remove("ann"), ({ crm }) => crm.add({ who: "ann", name: "Anne" })],
    ends: ["ann Anne"],
  },
  {
    name: "three systems: what one takes out of its archive comes back at both others",
    rules: "S38 S40",
    systems: { erp: ARCHIVING, shop: {} },
    acts: [({ crm }) => crm.remove("ann"), ({ erp }) => erp.edit("ann", { state: "A" })],
    ends: ["ann Ann"],
  },
  {
    name: "a late hint of a deleted record brings nothing back",
    rules: "S40",
    systems: { crm: { can: { capture: "touched" } } },
    acts: [
      ({ crm }) => {
        crm.fails("next", { kind: "hintsDuplicated" });
        crm.remove("ann");
      },
      ({ erp }) => erp.add({ who: "bob", name: "Bob" }),
    ],
    ends: ["bob Bob"],
  },
  {
    name: "a deleted record is brought back by an undo, and edited at once",
    rules: "S40 S59",
    systems: { erp: ARCHIVING },
    acts: [({ crm }) => crm.remove("ann"), ({ undo }) => undo(), ({ erp }) => erp.edit("ann", { name: "Anne" })],
    ends: ["ann Anne"],
  },
  {
    name: "an unproven create that was made holds the value that its next try wants: it is taken for ours",
    rules: "S37 S35 S26",
    systems: { erp: { can: { proof: false, externalId: false }, uniques: ["who"] } },
    sweeps: true,
    acts: [
      ({ crm, erp }) => {
        erp.fails("write", { kind: "lostReply" });
        crm.add({ who: "bob", name: "Bob" });
      },
      ({ crm }) => crm.edit("bob", { name: "Bobby" }),
    ],
    ends: ["ann Ann", "bob Bobby"],
  },
  {
    name: "a value is held by a record that nobody has linked yet and that is the same thing: they are one",
    rules: "S37 S36 I4",
    systems: { erp: { uniques: ["who"] } },
    acts: [
      ({ crm, erp }) => {
        erp.meanwhile("write", () => erp.add({ who: "bob", name: "Bobby" }));
        crm.add({ who: "bob", name: "Bob" });
      },
      ({ erp }) => erp.edit("bob", { name: "Rob" }),
    ],
    ends: ["ann Ann", "bob Rob"],
  },
  {
    name: "a value is held by another thing: it stays with it, a person is asked, and nothing else waits",
    rules: "S37",
    systems: { erp: { uniques: ["phone"] } },
    fields: { phone: {}, name: {} },
    before: ({ everywhere, erp, crm }) => {
      everywhere({ who: "ann", phone: "1", name: "Ann" });
      everywhere({ who: "bob", phone: "2", name: "Bob" });
      crm.add({ who: "cid", phone: "3" });
      erp.add({ who: "cid", phone: "3" });
    },
    acts: [({ crm }) => crm.edit("ann", { phone: "2" }), ({ crm }) => crm.edit("bob", { name: "Bobby" })],
    ends: { crm: ["ann 2 Ann", "bob 2 Bobby", "cid 3 -"], erp: ["ann 1 Ann", "bob 2 Bobby", "cid 3 -"] },
    asks: ["parked ann at erp: ACCORD_TAKEN"],
  },
];
