import type { People } from "../people.ts";
import type { FieldTraits, Scenario, SystemTraits } from "../scenario.ts";

/** People may delete there what others name. */
const LOOSE: Readonly<Record<string, SystemTraits>> = { crm: { isLoose: true } };

const company = (rules: FieldTraits["rules"] = {}): Readonly<Record<string, FieldTraits>> => ({
  company: { reference: "companies", rules },
});

/** What records name stands above them. */
const BOSS: Readonly<Record<string, FieldTraits>> = { boss: { reference: "things", rules: { tree: true } } };

/** Two people of one company. */
function twoAtAcme({ crm }: People): void {
  const acme = crm.companies.add({ code: "acme" });
  crm.add({ who: "ann", company: acme });
  crm.add({ who: "bob", company: acme });
}

/** Ann above Bob above Cid. */
function threeInLine({ crm }: People): void {
  const ann = crm.add({ who: "ann" });
  crm.add({ who: "cid", boss: crm.add({ who: "bob", boss: ann }) });
}

/** Records that name others, and what becomes of them. */
export const KIN: readonly Scenario[] = [
  {
    name: "a circle of a company and its head is entered at once",
    rules: "S44",
    hasCompanies: true,
    hasHeads: true,
    fields: company(),
    before: () => {},
    acts: [
      ({ crm }) => {
        const acme = crm.companies.add({ code: "acme" });
        crm.companies.edit("acme", { head: crm.add({ who: "ann", company: acme }) });
      },
    ],
    ends: ["ann acme", "company acme ann"],
  },
  {
    name: "a first contact of a company and its head",
    rules: "S44 S36",
    begins: "planning",
    hasCompanies: true,
    hasHeads: true,
    fields: company(),
    before: ({ crm, erp }) => {
      const acme = crm.companies.add({ code: "acme" });
      crm.companies.edit("acme", { head: crm.add({ who: "ann", company: acme }) });
      erp.companies.add({ code: "acme" });
    },
    acts: [() => {}],
    ends: ["ann acme", "company acme ann"],
  },
  {
    name: "a company is deleted, and its people are detached",
    rules: "S45",
    systems: LOOSE,
    hasCompanies: true,
    fields: company({ deletes: "detach" }),
    before: twoAtAcme,
    acts: [({ crm }) => crm.companies.remove("acme")],
    ends: ["ann -", "bob -"],
  },
  {
    name: "a company is deleted, and its people with it",
    rules: "S45",
    systems: LOOSE,
    hasCompanies: true,
    fields: company({ deletes: "cascade" }),
    before: twoAtAcme,
    acts: [({ crm }) => crm.companies.remove("acme")],
    ends: [],
  },
  {
    name: "a company is deleted while one of its people is edited elsewhere",
    rules: "S45 S38",
    systems: LOOSE,
    hasCompanies: true,
    fields: { ...company({ deletes: "cascade" }), name: {} },
    before: twoAtAcme,
    acts: [
      ({ crm, erp }) => {
        crm.companies.remove("acme");
        erp.edit("ann", { name: "Ann" });
      },
    ],
    ends: ["ann acme Ann", "bob acme -", "company acme"],
    allows: [
      {
        ends: ["ann acme Ann", "company acme"],
        why: "the other one had gone with the company by the time the edit was heard of, and an edit keeps its own record and what that names",
      },
    ],
  },
  {
    name: "more would go with a company than a guard lets through",
    rules: "S43 S45",
    systems: LOOSE,
    hasCompanies: true,
    fields: company({ deletes: "cascade" }),
    settings: {
      guards: { deletesMax: 1, deletesShareMax: 1, rewritesShareMax: {}, changedShareMax: 1, countShareMax: null, canaries: {} },
    },
    before: twoAtAcme,
    acts: [({ crm }) => crm.companies.remove("acme"), ({ approve }) => approve()],
    ends: [],
  },
  {
    name: "a company that people name is deleted, and they move one after another",
    rules: "S45",
    systems: LOOSE,
    hasCompanies: true,
    fields: company(),
    before: (people) => {
      twoAtAcme(people);
      people.crm.companies.add({ code: "zeta" });
    },
    acts: [
      ({ crm }) => {
        crm.companies.remove("acme");
        crm.edit("ann", { company: crm.companies.id("zeta") });
      },
      ({ crm }) => crm.edit("bob", { company: null }),
    ],
    ends: ["ann zeta", "bob -", "company zeta"],
  },
  {
    name: "one moves to a company that is entered at the same time",
    rules: "S44 S46",
    hasCompanies: true,
    fields: company(),
    before: twoAtAcme,
    acts: [({ erp }) => erp.edit("ann", { company: erp.companies.add({ code: "zeta" }) })],
    ends: ["ann zeta", "bob acme", "company acme", "company zeta"],
  },
  {
    name: "one moves below another",
    rules: "S46",
    fields: BOSS,
    before: threeInLine,
    acts: [({ erp }) => erp.edit("cid", { boss: erp.id("ann") })],
    ends: ["ann -", "bob ann", "cid ann"],
  },
  {
    name: "two move at two systems, so that together they would stand above themselves",
    rules: "S46",
    fields: BOSS,
    before: ({ crm }) => {
      crm.add({ who: "ann" });
      crm.add({ who: "bob" });
    },
    acts: [
      ({ crm, erp }) => {
        crm.edit("ann", { boss: crm.id("bob") });
        erp.edit("bob", { boss: erp.id("ann") });
      },
    ],
    ends: { crm: ["ann bob", "bob -"], erp: ["ann -", "bob ann"] },
    asks: ["boss of bob", "waiting ann at erp"],
    allows: [
      {
        ends: { crm: ["ann bob", "bob -"], erp: ["ann -", "bob ann"] },
        asks: ["boss of ann", "waiting bob at crm"],
        why: "who is heard of first stands as he was put, and the other one's case is for a person",
      },
    ],
  },
  {
    name: "a line is turned about",
    rules: "S46",
    fields: BOSS,
    before: threeInLine,
    acts: [
      ({ crm }) => {
        crm.edit("bob", { boss: null });
        crm.edit("ann", { boss: crm.id("cid") });
      },
    ],
    ends: ["ann cid", "bob -", "cid bob"],
  },
  {
    name: "whoever stands above others is deleted with all of them",
    rules: "S45 S46",
    systems: LOOSE,
    fields: { boss: { reference: "things", rules: { tree: true, deletes: "cascade" } } },
    before: threeInLine,
    acts: [({ crm }) => crm.remove("ann")],
    ends: [],
  },
];
