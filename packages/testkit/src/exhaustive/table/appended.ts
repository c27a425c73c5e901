import type { People } from "../people.ts";
import type { Scenario, SystemTraits } from "../scenario.ts";

const APPEND: NonNullable<Scenario["sync"]> = { deletes: { do: "keep", conflict: "delete-wins" }, direction: { kind: "append" } };

/** Is to have what is public alone. */
const PUBLIC: SystemTraits = { side: { only: ({ seen }) => (seen === undefined ? undefined : seen === "public") } };

function bothAdd({ crm, erp }: People): void {
  crm.add({ who: "one", name: "crm's" });
  erp.add({ who: "two", name: "erp's" });
}

/** Comments and the like: added everywhere once, never rewritten. */
export const APPENDED: readonly Scenario[] = [
  {
    name: "append: what both add is at both, once",
    rules: "S61 I4",
    sync: APPEND,
    acts: [bothAdd],
    ends: ["ann Ann", "one crm's", "two erp's"],
  },
  {
    name: "append: an item lands and its answer is lost",
    rules: "S61 S35 I4",
    sync: APPEND,
    acts: [
      ({ crm, erp }) => {
        erp.fails("write", { kind: "lostReply" });
        crm.add({ who: "one", name: "crm's" });
      },
    ],
    ends: ["ann Ann", "one crm's"],
  },
  {
    name: "append: where nothing proves a create, the item is found again and not added twice",
    rules: "S61 S35 I4",
    sync: APPEND,
    systems: { erp: { can: { proof: false } } },
    sweeps: true,
    acts: [
      ({ crm, erp }) => {
        erp.fails("write", { kind: "lostReply" });
        crm.add({ who: "one", name: "crm's" });
      },
    ],
    ends: ["ann Ann", "one crm's"],
  },
  {
    name: "append: edits and deletes stay where they happen",
    rules: "S61",
    sync: APPEND,
    acts: [
      bothAdd,
      ({ crm, erp }) => {
        crm.edit("one", { name: "crm's again" });
        erp.edit("one", { name: "spoilt" });
        crm.remove("two");
      },
    ],
    ends: { crm: ["ann Ann", "one crm's again"], erp: ["ann Ann", "one spoilt", "two erp's"] },
  },
  {
    name: "append: what is internal goes to no side that is to have the public alone, until it is made public",
    rules: "S61",
    sync: APPEND,
    fields: { name: {}, seen: {} },
    systems: { erp: PUBLIC },
    before: ({ everywhere }) => everywhere({ who: "ann", name: "Ann", seen: "public" }),
    acts: [
      ({ crm }) => {
        crm.add({ who: "note", name: "N", seen: "internal" });
        crm.add({ who: "memo", name: "M", seen: "internal" });
        crm.add({ who: "blank", name: "B", seen: null });
      },
      ({ crm }) => crm.edit("note", { seen: "public" }),
    ],
    ends: {
      crm: ["ann Ann public", "blank B -", "memo M internal", "note N public"],
      erp: ["ann Ann public", "note N public"],
    },
  },
];
