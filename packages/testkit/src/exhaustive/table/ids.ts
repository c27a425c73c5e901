import type { People } from "../people.ts";
import type { Scenario, SystemTraits } from "../scenario.ts";

/** Gives the id of a deleted record to the next, as SQLite does with its highest row id. */
const REUSING: SystemTraits = { isReusing: true };
const DELETES = { do: "delete", conflict: "update-wins" } as const;

function bobTakesAnnsId({ erp }: People): void {
  erp.remove("ann");
  erp.add({ who: "bob", name: "Bob" });
}

/** Ids that are given again to other things. [S34] */
export const IDS: readonly Scenario[] = [
  {
    name: "a person deletes a record and enters another, which takes its id",
    rules: "S34 S38",
    systems: { erp: REUSING },
    sync: { deletes: DELETES },
    acts: [bobTakesAnnsId],
    ends: ["bob Bob"],
  },
  {
    name: "the same at a system whose log has images",
    rules: "S34 S38",
    systems: { erp: { ...REUSING, can: { capture: "log" } } },
    sync: { deletes: DELETES },
    acts: [bobTakesAnnsId],
    ends: ["bob Bob"],
  },
  {
    name: "a person deletes a record and enters it again, under the same id",
    rules: "S34 S38",
    systems: { erp: REUSING },
    sync: { deletes: DELETES },
    acts: [
      ({ erp }) => {
        erp.remove("ann");
        erp.add({ who: "ann", name: "Anne" });
      },
    ],
    ends: ["ann Anne"],
    allows: [{ ends: ["ann Ann"], why: "seen gone, it was deleted elsewhere; entered anew, it is first contact with what is still there" }],
  },
  {
    name: "an id that our own delete freed is taken by our next create",
    rules: "S34 S38 S32",
    systems: { erp: REUSING },
    sync: { deletes: DELETES },
    acts: [({ crm }) => crm.remove("ann"), ({ crm }) => crm.add({ who: "bob", name: "Bob" })],
    ends: ["bob Bob"],
  },
  {
    name: "a record is deleted, our create takes its id before anybody knows, and its thing was edited elsewhere",
    rules: "S34 S38 S31",
    systems: { erp: REUSING },
    sync: { deletes: DELETES },
    acts: [
      ({ crm, erp }) => {
        erp.meanwhile("write", () => erp.remove("ann"));
        crm.add({ who: "bob", name: "Bob" });
        crm.edit("ann", { name: "Anne" });
      },
    ],
    ends: ["ann Anne", "bob Bob"],
  },
  {
    name: "the same, and the create's answer is lost",
    rules: "S34 S38 S31",
    systems: { erp: REUSING },
    sync: { deletes: DELETES },
    acts: [
      ({ crm, erp }) => {
        erp.meanwhile("write", () => erp.remove("ann"), { kind: "lostReply" });
        crm.add({ who: "bob", name: "Bob" });
        crm.edit("ann", { name: "Anne" });
      },
    ],
    ends: ["ann Anne", "bob Bob"],
  },
];
