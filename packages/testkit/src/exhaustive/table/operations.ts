import type { People } from "../people.ts";
import type { Scenario } from "../scenario.ts";

const NOTHING = (): void => {};

/** Ann is known to both, Bob to one, Cid to the other. */
function enterThree({ crm, erp }: People): void {
  crm.add({ who: "ann", name: "Ann" });
  erp.add({ who: "ann", name: "Anna" });
  crm.add({ who: "bob", name: "Bob" });
  erp.add({ who: "cid", name: "Cid" });
}

function enterTen({ everywhere }: People): void {
  for (let index = 0; index < 10; index += 1) everywhere({ who: `u${index}`, name: "U" });
}

function ten(from: number): string[] {
  return Array.from({ length: 10 - from }, (_, index) => `u${index + from} U`);
}

const GUARDS = {
  deletesMax: null,
  deletesShareMax: 0.25,
  rewritesShareMax: {},
  changedShareMax: 1,
  countShareMax: null,
  canaries: {},
};

/** Plans, pilots, guards, undo, and what is restored from backups. */
export const OPERATIONS: readonly Scenario[] = [
  {
    name: "a first contact: plan, apply, live",
    rules: "S36 S52 S60",
    begins: "planning",
    before: enterThree,
    acts: [NOTHING],
    ends: ["ann Ann", "bob Bob", "cid Cid"],
  },
  {
    name: "a first contact of three systems",
    rules: "S36 S60",
    begins: "planning",
    systems: { shop: {} },
    before: (people) => {
      enterThree(people);
      people.shop.add({ who: "bob", name: "Bobby" });
    },
    acts: [NOTHING],
    ends: ["ann Ann", "bob Bob", "cid Cid"],
  },
  {
    name: "a first contact in pages of one record, somebody editing meanwhile",
    rules: "S52 S57",
    begins: "planning",
    limits: { listPage: 1, mergeBatch: 1, pushBatch: 1, firstContactBatch: 1 },
    before: enterThree,
    acts: [({ crm, erp }) => erp.meanwhile("list", () => crm.edit("bob", { name: "Bobby" }))],
    ends: ["ann Ann", "bob Bobby", "cid Cid"],
  },
  {
    name: "a first contact whose values a person is asked about",
    rules: "S36 S23",
    begins: "planning",
    sync: { initial: "review" },
    before: enterThree,
    acts: [NOTHING, ({ decide }) => decide("ann", "name", "Anne")],
    ends: ["ann Anne", "bob Bob", "cid Cid"],
  },
  {
    name: "a first contact with two records of one key: a person says which it is",
    rules: "S36",
    begins: "planning",
    sweeps: true,
    before: ({ crm, erp }) => {
      crm.add({ who: "ann", name: "Ann" });
      erp.add({ who: "ann", name: "Twin" });
      erp.add({ who: "ann", name: "Anna" });
    },
    acts: [NOTHING, ({ link, erp }) => link("ann", erp, erp.id("ann"))],
    ends: ["ann Ann", "ann Twin"],
  },
  {
    name: "a first contact of parents and their children",
    rules: "S36 S45",
    begins: "planning",
    hasCompanies: true,
    fields: { company: { reference: "companies" } },
    before: ({ crm, erp }) => {
      erp.companies.add({ code: "zeta" });
      crm.add({ who: "ann", company: crm.companies.add({ code: "acme" }) });
      crm.add({ who: "bob", company: crm.companies.add({ code: "zeta" }) });
      erp.add({ who: "bob", company: null });
    },
    acts: [NOTHING],
    ends: ["ann acme", "bob zeta", "company acme", "company zeta"],
  },
  {
    name: "a first contact whose creates lose their answers",
    rules: "S35 S60",
    begins: "planning",
    before: enterThree,
    acts: [
      ({ crm, erp }) => {
        crm.fails("write", { kind: "lostReply" });
        erp.fails("write", { kind: "lostReply" });
      },
    ],
    ends: ["ann Ann", "bob Bob", "cid Cid"],
  },
  {
    name: "a pilot of one write, then the rest",
    rules: "S60",
    begins: "pilot",
    before: enterThree,
    acts: [NOTHING],
    ends: ["ann Ann", "bob Bob", "cid Cid"],
  },
  {
    name: "a plan that a guard stops goes on once it is approved",
    rules: "S43 S60",
    begins: "planning",
    settings: { guards: { ...GUARDS, rewritesShareMax: { name: 0.1 } } },
    before: ({ crm, erp }) => {
      for (let index = 0; index < 5; index += 1) {
        crm.add({ who: `u${index}`, name: "U" });
        erp.add({ who: `u${index}`, name: "V" });
      }
    },
    acts: [NOTHING, ({ approve }) => approve()],
    ends: Array.from({ length: 5 }, (_, index) => `u${index} U`),
  },
  {
    name: "more deletes than are allowed stop the sync",
    rules: "S43",
    settings: { guards: { ...GUARDS, deletesMax: 0 } },
    before: enterTen,
    acts: [({ crm }) => crm.remove("u0")],
    ends: { crm: ten(1), erp: ten(0) },
    asks: ["approve things/erp/deletes", "things is paused"],
  },
  {
    name: "too many deletes go on where they stopped once they are approved",
    rules: "S43",
    settings: { guards: GUARDS },
    before: enterTen,
    acts: [
      ({ crm }) => {
        for (let index = 0; index < 6; index += 1) crm.remove(`u${index}`);
      },
      ({ approve }) => approve(),
    ],
    ends: ten(6),
  },
  {
    name: "an edit is undone",
    rules: "S59",
    acts: [({ crm }) => crm.edit("ann", { name: "Wrong" }), ({ undo }) => undo()],
    ends: ["ann Ann"],
  },
  {
    name: "an undo leaves alone what somebody changed since",
    rules: "S59",
    fields: { name: {}, phone: {} },
    before: ({ everywhere }) => everywhere({ who: "ann", name: "Ann", phone: "1" }),
    acts: [
      ({ crm }) => crm.edit("ann", { name: "Wrong", phone: "0" }),
      ({ waitMs }) => waitMs(1_000),
      ({ erp }) => erp.edit("ann", { phone: "2" }),
      ({ undo }) => undo(3),
    ],
    ends: ["ann Ann 2"],
  },
  {
    name: "a first contact is undone at both systems",
    rules: "S59",
    begins: "planning",
    before: enterThree,
    acts: [NOTHING, ({ undo }) => undo()],
    ends: { crm: ["ann Ann", "bob Bob"], erp: ["ann Anna", "cid Cid"] },
    asks: ["held ann at erp: ACCORD_UNDONE", "held bob at erp: ACCORD_UNDONE", "held cid at crm: ACCORD_UNDONE"],
  },
  {
    name: "a create is undone",
    rules: "S59",
    acts: [({ crm }) => crm.add({ who: "bob", name: "Bob" }), ({ undo }) => undo()],
    ends: { crm: ["ann Ann", "bob Bob"], erp: ["ann Ann"] },
    asks: ["held bob at erp: ACCORD_UNDONE"],
  },
  {
    name: "a delete is undone",
    rules: "S59",
    acts: [({ crm }) => crm.remove("ann"), ({ undo }) => undo()],
    ends: ["ann Ann"],
  },
  {
    name: "Accord's store is restored from a backup: nothing is made twice, no count counted twice",
    rules: "S58",
    fields: { name: {}, stock: { type: "integer", policy: { kind: "counter", floor: null } } },
    before: ({ everywhere }) => everywhere({ who: "ann", name: "Ann", stock: "10" }),
    acts: [
      ({ crm, backUpAccord }) => {
        backUpAccord();
        crm.edit("ann", { name: "Anne", stock: "7" });
        crm.add({ who: "bob", name: "Bob", stock: "1" });
      },
      ({ restoreAccord }) => restoreAccord(),
    ],
    ends: ["ann Anne 7", "bob Bob 1"],
  },
  {
    name: "Accord's store is restored from a backup while a create was under way",
    rules: "S58 S35",
    acts: [
      ({ crm, erp, backUpAccord }) => {
        erp.meanwhile("write", backUpAccord, { kind: "lostReply" });
        crm.add({ who: "bob", name: "Bob" });
      },
      ({ restoreAccord }) => restoreAccord(),
    ],
    ends: ["ann Ann", "bob Bob"],
  },
  {
    name: "a system is restored from a backup: nothing is deleted, and a plan that is applied brings both together",
    rules: "S12",
    acts: [
      ({ crm }) => crm.edit("ann", { name: "Anne" }),
      ({ crm, erp, restartAccord }) => {
        const backup = crm.backUp();
        erp.add({ who: "bob", name: "Bob" });
        restartAccord();
        crm.restore(backup);
      },
    ],
    ends: ["ann Anne", "bob Bob"],
  },
];
