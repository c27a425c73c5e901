import type { People } from "../people.ts";
import type { Scenario, SystemTraits } from "../scenario.ts";

const DELETES = { do: "archive", conflict: "update-wins" } as const;

/** One deletes Ann while the other edits her. */
function deleteAndEdit({ crm, erp }: People): void {
  crm.remove("ann");
  erp.edit("ann", { name: "Anne" });
}

/** Records that read as archived where `state` is X. */
const ARCHIVING: SystemTraits = {
  columns: { state: { default: "A" } },
  side: { archive: { column: "state", cell: "X", restored: "A" } },
};

/** Shows customers alone. */
const FILTERED: SystemTraits = { side: { filter: ({ kind }) => (kind === undefined ? undefined : kind === "customer") } };

/** Records that come, go, come back, and change what they go by. */
export const LIVES: readonly Scenario[] = [
  {
    name: "a new record is created at the other system",
    rules: "S35",
    acts: [({ crm }) => crm.add({ who: "bob", name: "Bob" })],
    ends: ["ann Ann", "bob Bob"],
  },
  {
    name: "a new record is edited while it is created elsewhere",
    rules: "S35 S28",
    acts: [
      ({ crm, erp }) => {
        erp.meanwhile("write", () => crm.edit("bob", { name: "Bobby" }));
        crm.add({ who: "bob", name: "Bob" });
      },
    ],
    ends: ["ann Ann", "bob Bobby"],
  },
  {
    name: "a new record is deleted before it is created elsewhere",
    rules: "S35 S38",
    acts: [
      ({ crm, erp }) => {
        erp.meanwhile("write", () => crm.remove("bob"));
        crm.add({ who: "bob", name: "Bob" });
      },
    ],
    ends: ["ann Ann"],
  },
  {
    name: "three systems: a new record is created at both others",
    rules: "S35",
    systems: { shop: { can: { capture: "touched" } } },
    acts: [({ shop }) => shop.add({ who: "bob", name: "Bob" })],
    ends: ["ann Ann", "bob Bob"],
  },
  {
    name: "the same thing is entered at both systems at once, and each allows it once",
    rules: "S36 S37 I4",
    systems: { crm: { uniques: ["who"] }, erp: { uniques: ["who"] } },
    acts: [
      ({ crm, erp }) => {
        crm.add({ who: "bob", name: "Bob" });
        erp.add({ who: "bob", name: "Bobby" });
      },
    ],
    ends: ["ann Ann", "bob Bob"],
  },
  {
    name: "the same thing is entered at both systems at once, which both would take it twice",
    rules: "S36 I4",
    acts: [
      ({ crm, erp }) => {
        crm.add({ who: "bob", name: "Bob" });
        erp.add({ who: "bob", name: "Bobby" });
      },
    ],
    ends: ["ann Ann", "bob Bob"],
  },
  {
    name: "the same thing is entered at the other system as Accord is about to create it there, which refuses the second",
    rules: "S36 S37 I4",
    systems: { erp: { uniques: ["who"] } },
    acts: [
      ({ crm, erp }) => {
        erp.meanwhile("write", () => erp.add({ who: "bob", name: "Bobby" }));
        crm.add({ who: "bob", name: "Bob" });
      },
    ],
    ends: ["ann Ann", "bob Bob"],
  },
  {
    name: "a value that another record holds is a person's question, and goes through once it is free",
    rules: "S37",
    systems: { erp: { uniques: ["phone"] } },
    fields: { phone: {} },
    limits: { attemptsMax: 2 },
    before: ({ everywhere, erp }) => {
      everywhere({ who: "ann", phone: "1" });
      everywhere({ who: "bob", phone: "2" });
      erp.add({ who: "cid", phone: "3" });
    },
    acts: [
      ({ crm, erp }) => {
        crm.remove("cid");
        erp.edit("cid", { phone: "4" });
      },
      ({ crm }) => crm.edit("ann", { phone: "2" }),
      ({ crm }) => crm.edit("bob", { phone: "5" }),
      ({ retry }) => retry(),
    ],
    ends: ["ann 2", "bob 5", "cid 4"],
  },
  {
    name: "a deleted record is deleted at the other system",
    rules: "S38",
    acts: [({ crm }) => crm.remove("ann")],
    ends: [],
  },
  {
    name: "a record that a sweep misses is read by its id before it counts as deleted",
    rules: "S11 S38",
    systems: { erp: { can: { capture: "sweep" } } },
    acts: [({ erp }) => erp.remove("ann")],
    ends: [],
  },
  {
    name: "a list that is cut short deletes nothing",
    rules: "S11",
    systems: { erp: { can: { capture: "sweep" } } },
    before: ({ everywhere }) => {
      for (const who of ["ann", "bob", "cid"]) everywhere({ who, name: "old" });
    },
    acts: [
      ({ erp }) => {
        erp.fails("list", { kind: "truncatedPage" });
        erp.edit("ann", { name: "new" });
      },
    ],
    ends: ["ann new", "bob old", "cid old"],
  },
  {
    name: "a system's records are emptied out all at once",
    rules: "S38 S43",
    before: ({ everywhere }) => {
      for (const who of ["ann", "bob"]) everywhere({ who, name: "old" });
    },
    acts: [({ crm }) => crm.empty()],
    ends: [],
  },
  {
    name: "three systems: a delete reaches both others",
    rules: "S38",
    systems: { shop: {} },
    acts: [({ erp }) => erp.remove("ann")],
    ends: [],
  },
  {
    name: "both delete the record",
    rules: "S38",
    acts: [
      ({ crm, erp }) => {
        crm.remove("ann");
        erp.remove("ann");
      },
    ],
    ends: [],
  },
  {
    name: "a delete meets an update, and the update wins",
    rules: "S38",
    sync: { deletes: DELETES },
    acts: [deleteAndEdit],
    ends: ["ann Anne"],
  },
  {
    name: "a delete meets an update, and the delete wins",
    rules: "S38",
    sync: { deletes: { ...DELETES, conflict: "delete-wins" } },
    acts: [deleteAndEdit],
    ends: [],
  },
  {
    name: "a delete meets an update, and a person is asked",
    rules: "S38",
    sync: { deletes: { ...DELETES, conflict: "review" } },
    acts: [deleteAndEdit],
    ends: { crm: [], erp: ["ann Anne"] },
    asks: ["whether ann lives"],
  },
  {
    name: "a delete meets an update, and a person keeps the record",
    rules: "S38",
    sync: { deletes: { ...DELETES, conflict: "review" } },
    acts: [deleteAndEdit, ({ decide }) => decide("ann", null, "keep")],
    ends: ["ann Anne"],
  },
  {
    name: "a delete meets an update, and a person deletes the record",
    rules: "S38",
    sync: { deletes: { ...DELETES, conflict: "review" } },
    acts: [deleteAndEdit, ({ decide }) => decide("ann", null, "delete")],
    ends: [],
  },
  {
    name: "somebody edits the record that Accord is about to delete, and the update wins",
    rules: "S29 S38",
    acts: [
      ({ crm, erp }) => {
        erp.meanwhile("write", () => erp.edit("ann", { name: "Anne" }));
        crm.remove("ann");
      },
    ],
    ends: ["ann Anne"],
  },
  {
    name: "deletes are kept to themselves: the others keep their record",
    rules: "S38",
    sync: { deletes: { ...DELETES, do: "keep" } },
    acts: [({ crm }) => crm.remove("ann")],
    ends: { crm: [], erp: ["ann Ann"] },
  },
  {
    name: "a deleted thing is entered anew",
    rules: "S38 S40",
    acts: [({ crm }) => crm.remove("ann"), ({ erp }) => erp.add({ who: "ann", name: "Anne" })],
    ends: ["ann Anne"],
  },
  {
    name: "a record is deleted and entered anew under the key that people choose",
    rules: "S38 S40",
    systems: { crm: { isKeyedByWho: true } },
    acts: [
      ({ crm }) => {
        crm.remove("ann");
        crm.add({ who: "ann", name: "Anne" });
      },
    ],
    ends: ["ann Anne"],
  },
  {
    name: "a person brings a deleted record back",
    rules: "S38 S40",
    acts: [({ crm }) => crm.remove("ann"), ({ revive }) => revive("ann")],
    ends: ["ann Ann"],
  },
  {
    name: "a delete is an archive where the system has one",
    rules: "S38",
    systems: { erp: ARCHIVING },
    acts: [({ crm }) => crm.remove("ann")],
    ends: { crm: [], erp: ["ann Ann"] },
  },
  {
    name: "archiving by hand deletes elsewhere",
    rules: "S38",
    systems: { erp: ARCHIVING },
    acts: [({ erp }) => erp.edit("ann", { state: "X" })],
    ends: { crm: [], erp: ["ann Ann"] },
  },
  {
    name: "what is taken out of the archive by hand comes back everywhere",
    rules: "S38 S40",
    systems: { erp: ARCHIVING },
    acts: [({ crm }) => crm.remove("ann"), ({ erp }) => erp.edit("ann", { state: "A", name: "Anne" })],
    ends: ["ann Anne"],
  },
  {
    name: "a record that leaves the filter is not deleted",
    rules: "S42",
    systems: { erp: FILTERED },
    fields: { kind: {} },
    before: ({ everywhere }) => everywhere({ who: "ann", kind: "customer" }),
    acts: [({ erp }) => erp.edit("ann", { kind: "supplier" }), ({ crm }) => crm.edit("ann", { who: "anne" })],
    ends: { crm: ["anne customer"], erp: ["ann supplier"] },
  },
  {
    name: "a record that comes back into the filter catches up",
    rules: "S42",
    systems: { erp: FILTERED },
    fields: { kind: {}, name: {} },
    before: ({ everywhere }) => everywhere({ who: "ann", kind: "customer", name: "Ann" }),
    acts: [
      ({ erp }) => erp.edit("ann", { kind: "supplier" }),
      ({ crm }) => crm.edit("ann", { name: "Anne" }),
      ({ erp }) => erp.edit("ann", { kind: "customer" }),
    ],
    ends: ["ann customer Anne"],
  },
  {
    name: "a key that people choose is changed, and the log says so",
    rules: "S63",
    systems: { crm: { isKeyedByWho: true } },
    acts: [({ crm }) => crm.edit("ann", { who: "anne" })],
    ends: ["anne Ann"],
  },
  {
    name: "a key that people choose is changed while the record is edited elsewhere",
    rules: "S63 S13",
    systems: { crm: { isKeyedByWho: true } },
    acts: [
      ({ crm, erp }) => {
        crm.edit("ann", { who: "anne" });
        erp.edit("ann", { name: "Anna" });
      },
    ],
    ends: ["anne Anna"],
  },
  {
    name: "a key that Accord knows only by sweeps is changed: the record is linked again",
    rules: "S63",
    systems: { crm: { isKeyedByWho: true, can: { capture: "sweep" } } },
    fields: { name: {}, mail: {} },
    sync: { match: [["mail"]] },
    before: ({ everywhere }) => everywhere({ who: "ann", name: "Ann", mail: "a@x.org" }),
    acts: [({ crm }) => crm.edit("ann", { who: "anne" })],
    ends: ["anne Ann a@x.org"],
  },
  {
    name: "Accord changes a key that people choose",
    rules: "S63 S29",
    systems: { crm: { isKeyedByWho: true } },
    acts: [({ erp }) => erp.edit("ann", { who: "anne" })],
    ends: ["anne Ann"],
  },
  {
    name: "a parent and its child are entered together",
    rules: "S44 S45",
    hasCompanies: true,
    fields: { company: { reference: "companies" } },
    before: () => {},
    acts: [({ crm }) => crm.add({ who: "ann", company: crm.companies.add({ code: "acme" }) })],
    ends: ["ann acme", "company acme"],
  },
  {
    name: "a child comes before its parent is known",
    rules: "S44",
    begins: "stopped",
    hasCompanies: true,
    sweeps: true,
    fields: { company: { reference: "companies" } },
    before: () => {},
    acts: [
      ({ crm }) => {
        crm.fails("next", { kind: "hintsLost", places: [0] });
        crm.add({ who: "ann", company: crm.companies.add({ code: "acme" }) });
      },
    ],
    ends: ["ann acme", "company acme"],
  },
  {
    name: "a child moves to another parent",
    rules: "S46",
    hasCompanies: true,
    fields: { company: { reference: "companies" } },
    before: ({ crm }) => {
      crm.add({ who: "ann", company: crm.companies.add({ code: "acme" }) });
      crm.companies.add({ code: "zeta" });
    },
    acts: [({ erp }) => erp.edit("ann", { company: erp.companies.id("zeta") })],
    ends: ["ann zeta", "company acme", "company zeta"],
  },
  {
    name: "a parent is deleted with its child",
    rules: "S45",
    hasCompanies: true,
    fields: { company: { reference: "companies" } },
    before: ({ crm }) => crm.add({ who: "ann", company: crm.companies.add({ code: "acme" }) }),
    acts: [
      ({ crm }) => {
        crm.remove("ann");
        crm.companies.remove("acme");
      },
    ],
    ends: [],
  },
];
