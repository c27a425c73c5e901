import type { OwnerPolicy, Policy } from "@accord/core";
import type { People } from "../people.ts";
import type { Scenario } from "../scenario.ts";

const OWNER: OwnerPolicy = { kind: "owner", ranks: [0, 1], revert: false, fill: false, blanks: [], verified: null };

function policy(rule: Policy): NonNullable<Scenario["fields"]> {
  return { name: { policy: rule } };
}

/** Both change Ann's name before Accord has seen either. */
function bothRename({ crm, erp }: People): void {
  crm.edit("ann", { name: "Crm's" });
  erp.edit("ann", { name: "Erp's" });
}

function enterTenInStock({ everywhere }: People): void {
  everywhere({ who: "ann", stock: "10" });
}

function counter(floor: string | null): NonNullable<Scenario["fields"]> {
  return { stock: { type: "integer", policy: { kind: "counter", floor } } };
}

/** Every policy, where two people disagree. */
export const POLICIES: readonly Scenario[] = [
  { name: "owner: of two edits the owner's stays", rules: "S17", fields: policy(OWNER), acts: [bothRename], ends: ["ann Crm's"] },
  {
    name: "owner: another may own the field",
    rules: "S17",
    fields: policy({ ...OWNER, ranks: [1, 0] }),
    acts: [bothRename],
    ends: ["ann Erp's"],
  },
  {
    name: "owner: a later edit by another still flows",
    rules: "S17",
    fields: policy(OWNER),
    acts: [({ crm }) => crm.edit("ann", { name: "Crm's" }), ({ erp }) => erp.edit("ann", { name: "Erp's" })],
    ends: ["ann Erp's"],
  },
  {
    name: "owner with revert: an edit by another is pushed back",
    rules: "S17",
    fields: policy({ ...OWNER, revert: true }),
    acts: [({ erp }) => erp.edit("ann", { name: "Erp's" })],
    ends: ["ann Ann"],
  },
  {
    name: "owner with fill: others are written only where they are empty",
    rules: "S17",
    fields: policy({ ...OWNER, fill: true }),
    before: ({ crm, erp }) => {
      crm.add({ who: "ann", name: "Ann" });
      erp.add({ who: "ann", name: "Anna" });
      crm.add({ who: "bob", name: "Bob" });
      erp.add({ who: "bob", name: null });
    },
    acts: [
      ({ crm }) => {
        crm.edit("ann", { name: "Anne" });
        crm.edit("bob", { name: "Bobby" });
      },
    ],
    ends: { crm: ["ann Anne", "bob Bobby"], erp: ["ann Anna", "bob Bob"] },
  },
  {
    name: "owner, blanks ignored: what is emptied there is filled again",
    rules: "S17",
    fields: policy({ ...OWNER, blanks: ["erase", "ignore"] }),
    acts: [({ erp }) => erp.edit("ann", { name: null })],
    ends: ["ann Ann"],
  },
  {
    name: "owner, blanks asked about: a person decides whether it was meant",
    rules: "S17 S23",
    fields: policy({ ...OWNER, blanks: ["erase", "review"] }),
    acts: [({ erp }) => erp.edit("ann", { name: null })],
    ends: { crm: ["ann Ann"], erp: ["ann -"] },
    asks: ["name of ann"],
  },
  {
    name: "owner, verified: what is older than a person's verification loses",
    rules: "S17",
    fields: { name: { policy: { ...OWNER, ranks: [1, 0], verified: 2 } }, verified: { type: "instant", policy: OWNER } },
    before: ({ everywhere }) => everywhere({ who: "ann", name: "Ann", verified: null }),
    acts: [
      ({ crm, erp }) => {
        crm.edit("ann", { name: "Crm's", verified: "2026-02-01T00:00:00Z" });
        erp.edit("ann", { name: "Erp's" });
      },
    ],
    ends: ["ann Crm's 2026-02-01T00:00:00Z"],
  },
  {
    name: "newest: the later of two edits stays",
    rules: "S18",
    systems: { erp: { can: { capture: "log" } } },
    // Both are seen before either is written to the other system.
    settings: { quietMs: 2_000 },
    fields: policy({ kind: "newest", ranks: [1, 0], clockSkewMs: 0 }),
    acts: [
      ({ erp, waitMs }) => {
        erp.edit("ann", { name: "Erp's" });
        waitMs(300);
      },
      ({ crm }) => crm.edit("ann", { name: "Crm's" }),
    ],
    ends: ["ann Crm's"],
    allows: [
      {
        ends: ["ann Erp's"],
        why: "where a write met the other edit, that was read again, and when it was made is not certain: the owner's stays [S18]",
      },
    ],
  },
  {
    name: "counter: what was sold at one system and bought at the other adds up",
    rules: "S19",
    fields: counter("0"),
    before: enterTenInStock,
    acts: [
      ({ crm, erp }) => {
        crm.edit("ann", { stock: "7" });
        erp.edit("ann", { stock: "30" });
      },
    ],
    ends: ["ann 27"],
  },
  {
    name: "counter with a floor: what would go below it is a person's to decide",
    rules: "S19 S23",
    fields: counter("0"),
    before: enterTenInStock,
    acts: [
      ({ crm, erp }) => {
        crm.edit("ann", { stock: "4" });
        erp.edit("ann", { stock: "2" });
      },
    ],
    ends: { crm: ["ann 4"], erp: ["ann 2"] },
    asks: ["stock of ann"],
  },
  {
    name: "counter with a stocktake: what was counted replaces the sum, and later movements count on top",
    rules: "S19",
    fields: {
      stock: { type: "integer", policy: { kind: "counter", floor: null, absolute: { value: 2, asOf: 3 } } },
      counted: { type: "integer", policy: OWNER },
      at: { type: "instant", policy: OWNER },
    },
    before: ({ everywhere }) => everywhere({ who: "ann", stock: "10", counted: null, at: null }),
    acts: [
      ({ crm }) => crm.edit("ann", { stock: "8" }),
      ({ erp }) => erp.edit("ann", { counted: "17", at: "2026-01-01T01:00:00Z" }),
      ({ crm, jumpMs }) => {
        jumpMs(7_200_000);
        crm.edit("ann", { stock: "15" });
      },
    ],
    ends: ["ann 15 17 2026-01-01T01:00:00Z"],
  },
  {
    name: "ladder: a status only moves forward",
    rules: "S21",
    fields: policy({ kind: "ladder", direction: "up", steps: ["new", "paid", "sent"] }),
    before: ({ everywhere }) => everywhere({ who: "ann", name: "new" }),
    acts: [
      ({ crm, erp }) => {
        crm.edit("ann", { name: "paid" });
        erp.edit("ann", { name: "sent" });
      },
    ],
    ends: ["ann sent"],
  },
  {
    name: "max: the larger of two numbers stays",
    rules: "S21",
    fields: { visits: { type: "integer", policy: { kind: "ladder", direction: "up", steps: null } } },
    before: ({ everywhere }) => everywhere({ who: "ann", visits: "1" }),
    acts: [
      ({ crm, erp }) => {
        crm.edit("ann", { visits: "10" });
        erp.edit("ann", { visits: "9" });
      },
    ],
    ends: ["ann 10"],
  },
  {
    name: "text: edits of different lines merge",
    rules: "S22",
    fields: policy({ kind: "text" }),
    before: ({ everywhere }) => everywhere({ who: "ann", name: "one\ntwo\nthree\nfour\nfive" }),
    acts: [
      ({ crm, erp }) => {
        crm.edit("ann", { name: "ONE\ntwo\nthree\nfour\nfive" });
        erp.edit("ann", { name: "one\ntwo\nthree\nfour\nFIVE" });
      },
    ],
    ends: ["ann ONE\ntwo\nthree\nfour\nFIVE"],
  },
  {
    name: "text: edits of one line are a person's to decide",
    rules: "S22 S23",
    fields: policy({ kind: "text" }),
    acts: [bothRename],
    ends: { crm: ["ann Crm's"], erp: ["ann Erp's"] },
    asks: ["name of ann"],
  },
  {
    name: "review: the field is frozen, others go on",
    rules: "S23",
    fields: { name: { policy: { kind: "review" } }, phone: {} },
    before: ({ everywhere }) => everywhere({ who: "ann", name: "Ann", phone: "1" }),
    acts: [bothRename, ({ crm }) => crm.edit("ann", { phone: "2" })],
    ends: { crm: ["ann Crm's 2"], erp: ["ann Erp's 2"] },
    asks: ["name of ann"],
  },
  {
    name: "review: a person decides",
    rules: "S23",
    fields: policy({ kind: "review" }),
    acts: [bothRename, ({ decide }) => decide("ann", "name", "Both")],
    ends: ["ann Both"],
  },
  {
    name: "review: sides that come to agree close the case",
    rules: "S23",
    fields: policy({ kind: "review" }),
    acts: [bothRename, ({ erp }) => erp.edit("ann", { name: "Crm's" })],
    ends: ["ann Crm's"],
  },
  {
    name: "review: a delete closes the case as one against an update",
    rules: "S23 S38",
    fields: policy({ kind: "review" }),
    acts: [bothRename, ({ erp }) => erp.remove("ann")],
    ends: ["ann Crm's"],
  },
  {
    name: "custom: a function of both decides",
    rules: "S24",
    fields: policy({
      kind: "custom",
      name: "the longer one",
      version: 1,
      constructive: false,
      resolve: (_base, canonical, observed) => ({
        kind: "value",
        value: (canonical ?? "").length >= (observed ?? "").length ? canonical : observed,
      }),
    }),
    acts: [
      ({ crm, erp }) => {
        crm.edit("ann", { name: "Annabel" });
        erp.edit("ann", { name: "Eva" });
      },
    ],
    ends: ["ann Annabel"],
  },
  {
    name: "one way: an edit where the field is only shown is pushed back",
    rules: "S55",
    fields: { name: { from: [0] } },
    acts: [({ erp }) => erp.edit("ann", { name: "Erp's" })],
    ends: ["ann Ann"],
  },
  {
    name: "one way: an edit where the field is only shown is kept there and listed",
    rules: "S55",
    fields: { name: { from: [0], drift: "keep" } },
    acts: [({ erp }) => erp.edit("ann", { name: "Erp's" })],
    ends: { crm: ["ann Ann"], erp: ["ann Erp's"] },
  },
  {
    name: "one way: an edit at the field's writer replaces what was kept elsewhere",
    rules: "S55",
    fields: { name: { from: [0], drift: "keep" } },
    acts: [({ erp }) => erp.edit("ann", { name: "Erp's" }), ({ crm }) => crm.edit("ann", { name: "Crm's" })],
    ends: ["ann Crm's"],
  },
];
