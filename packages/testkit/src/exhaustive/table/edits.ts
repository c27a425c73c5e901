import { groupType, setType, textType } from "@accord/core";
import type { People } from "../people.ts";
import type { Scenario } from "../scenario.ts";

const NAME_AND_PHONE = { name: {}, phone: {} } as const;

function annWithPhone({ everywhere }: People): void {
  everywhere({ who: "ann", name: "Ann", phone: "1" });
}

/** Edits, and the ways in which they come to be known. */
export const EDITS: readonly Scenario[] = [
  {
    name: "an edit travels",
    rules: "S28",
    acts: [({ crm }) => crm.edit("ann", { name: "Anne" })],
    ends: ["ann Anne"],
  },
  {
    name: "an edit at a system that names only which records were touched travels",
    rules: "S7 S28",
    acts: [({ erp }) => erp.edit("ann", { name: "Anne" })],
    ends: ["ann Anne"],
  },
  {
    name: "an edit at a system without a log is found by a sweep",
    rules: "S8",
    systems: { erp: { can: { capture: "sweep" } } },
    acts: [({ erp }) => erp.edit("ann", { name: "Anne" })],
    ends: ["ann Anne"],
  },
  {
    name: "a value that is emptied is emptied everywhere",
    rules: "S5",
    acts: [({ crm }) => crm.edit("ann", { name: null })],
    ends: ["ann -"],
  },
  {
    name: "one edit after another, each after the one before has arrived",
    rules: "S28",
    acts: [
      ({ crm }) => crm.edit("ann", { name: "Anne" }),
      ({ erp }) => erp.edit("ann", { name: "Anna" }),
      ({ crm }) => crm.edit("ann", { name: "Ann" }),
    ],
    ends: ["ann Ann"],
  },
  {
    name: "several edits of one record before Accord looks are one",
    rules: "S28",
    acts: [({ crm }) => ["A", "An", "Anne"].forEach((name) => crm.edit("ann", { name }))],
    ends: ["ann Anne"],
  },
  {
    name: "different fields, edited at both systems at once, merge",
    rules: "S13",
    fields: NAME_AND_PHONE,
    before: annWithPhone,
    acts: [
      ({ crm, erp }) => {
        crm.edit("ann", { name: "Anne" });
        erp.edit("ann", { phone: "2" });
      },
    ],
    ends: ["ann Anne 2"],
  },
  {
    name: "the same edit at both systems is no conflict",
    rules: "S13",
    fields: { name: { policy: { kind: "review" } } },
    acts: [
      ({ crm, erp }) => {
        crm.edit("ann", { name: "Anne" });
        erp.edit("ann", { name: "Anne" });
      },
    ],
    ends: ["ann Anne"],
  },
  {
    name: "somebody edits another field of the record that Accord is about to write",
    rules: "S29",
    fields: NAME_AND_PHONE,
    before: annWithPhone,
    acts: [
      ({ crm, erp }) => {
        erp.meanwhile("write", () => erp.edit("ann", { phone: "2" }));
        crm.edit("ann", { name: "Anne" });
      },
    ],
    ends: ["ann Anne 2"],
  },
  {
    name: "somebody edits the very field that Accord is about to write",
    rules: "S29 S30",
    acts: [
      ({ crm, erp }) => {
        erp.meanwhile("write", () => erp.edit("ann", { name: "Erp's" }));
        crm.edit("ann", { name: "Crm's" });
      },
    ],
    ends: ["ann Crm's"],
  },
  {
    name: "three systems: an edit reaches both others",
    rules: "S1",
    systems: { shop: {} },
    acts: [({ erp }) => erp.edit("ann", { name: "Anne" })],
    ends: ["ann Anne"],
  },
  {
    name: "three systems: different fields, edited at two of them, reach all",
    rules: "S1 S13",
    systems: { shop: { can: { capture: "touched" } } },
    fields: NAME_AND_PHONE,
    before: annWithPhone,
    acts: [
      ({ crm, shop }) => {
        crm.edit("ann", { name: "Anne" });
        shop.edit("ann", { phone: "2" });
      },
    ],
    ends: ["ann Anne 2"],
  },
  {
    name: "an image of before Accord's own write comes after it",
    rules: "S57",
    begins: "stopped",
    limits: { feedBatch: 1 },
    fields: NAME_AND_PHONE,
    before: annWithPhone,
    acts: [
      ({ crm, erp }) => {
        crm.fails("next", { kind: "slow", durationMs: 3_000 });
        crm.edit("ann", { name: "Anne" });
        erp.edit("ann", { phone: "2" });
      },
    ],
    ends: ["ann Anne 2"],
  },
  {
    name: "changes come twice",
    rules: "S7",
    begins: "stopped",
    acts: [
      ({ crm }) => {
        crm.fails("next", { kind: "hintsDuplicated" });
        crm.edit("ann", { name: "Anne" });
      },
    ],
    ends: ["ann Anne"],
  },
  {
    name: "hints come in another order",
    rules: "S7",
    begins: "stopped",
    acts: [
      ({ erp }) => {
        erp.fails("next", { kind: "hintsReordered" });
        for (const name of ["A", "An", "Anne"]) erp.edit("ann", { name });
      },
    ],
    ends: ["ann Anne"],
  },
  {
    name: "the feed breaks, and is followed again from where it was",
    rules: "S9",
    begins: "stopped",
    acts: [
      ({ crm }) => {
        crm.fails("next", { kind: "feedCut" });
        crm.edit("ann", { name: "Anne" });
      },
    ],
    ends: ["ann Anne"],
  },
  {
    name: "changes get lost, and a sweep finds them",
    rules: "S8",
    begins: "stopped",
    sweeps: true,
    acts: [
      ({ erp }) => {
        erp.fails("next", { kind: "hintsLost" });
        erp.edit("ann", { name: "Anne" });
      },
    ],
    ends: ["ann Anne"],
  },
  {
    name: "the system has forgotten the cursor",
    rules: "S8 S9",
    begins: "stopped",
    acts: [
      ({ crm }) => {
        crm.fails("follow", { kind: "cursorExpired" });
        crm.edit("ann", { name: "Anne" });
      },
    ],
    ends: ["ann Anne"],
  },
  {
    name: "a system holds less than it is given: what it cuts does not flow back",
    rules: "S15",
    systems: { erp: { columns: { name: { lengthMax: 3, lossy: "cut" } } } },
    acts: [({ crm }) => crm.edit("ann", { name: "Annabel" })],
    ends: { crm: ["ann Annabel"], erp: ["ann Ann"] },
  },
  {
    name: "a system spells what it is given in its own way, as nobody foresaw",
    rules: "S15 S29",
    systems: { erp: { columns: { name: { alter: (cell) => cell?.toUpperCase() ?? null } } } },
    before: ({ crm, erp }) => {
      crm.add({ who: "ann", name: "ANN" });
      erp.add({ who: "ann", name: "ANN" });
    },
    acts: [({ crm }) => crm.edit("ann", { name: "Anne" })],
    ends: { crm: ["ann Anne"], erp: ["ann ANNE"] },
    allows: [
      {
        ends: ["ann ANNE"],
        why: "a proof tells that a write landed, not what the system made of it: what is seen later counts as an edit [S31]",
      },
    ],
  },
  {
    name: "an edit at the system that holds less is a person's to decide",
    rules: "S15 S23",
    systems: { erp: { columns: { name: { lengthMax: 3, lossy: "cut" } } } },
    before: ({ crm, erp }) => {
      crm.add({ who: "ann", name: "Annabel" });
      erp.add({ who: "ann", name: "Ann" });
    },
    acts: [({ erp }) => erp.edit("ann", { name: "Eva" })],
    ends: { crm: ["ann Annabel"], erp: ["ann Eva"] },
    asks: ["name of ann"],
  },
  {
    name: "edits within the quiet period are one write",
    rules: "S56",
    settings: { quietMs: 2_000 },
    acts: [
      ({ crm, waitMs }) => {
        crm.edit("ann", { name: "An" });
        waitMs(700);
      },
      ({ crm }) => crm.edit("ann", { name: "Anne" }),
    ],
    ends: ["ann Anne"],
  },
  {
    name: "a group is one value: the owner's is kept whole",
    rules: "S16 S17",
    fields: {
      price: {
        parts: ["amount", "currency"],
        type: groupType([
          { name: "amount", type: textType },
          { name: "currency", type: textType },
        ]),
      },
    },
    before: ({ everywhere }) => everywhere({ who: "ann", amount: "10", currency: "EUR" }),
    acts: [
      ({ crm, erp }) => {
        crm.edit("ann", { amount: "12" });
        erp.edit("ann", { currency: "USD" });
      },
    ],
    ends: ["ann 12 EUR"],
  },
  {
    name: "a set unites what was added at one system with what was removed at the other",
    rules: "S20",
    fields: { tags: { type: setType(textType), policy: { kind: "set" } } },
    before: ({ everywhere }) => everywhere({ who: "ann", tags: '["old","vip"]' }),
    acts: [
      ({ crm, erp }) => {
        crm.edit("ann", { tags: '["new","old","vip"]' });
        erp.edit("ann", { tags: '["vip"]' });
      },
    ],
    ends: ['ann ["new","vip"]'],
  },
  {
    name: "a set keeps an element that one adds anew while the other removes it",
    rules: "S20",
    systems: { shop: {} },
    fields: { tags: { type: setType(textType), policy: { kind: "set" } } },
    before: ({ crm, erp, shop }) => {
      for (const desk of [crm, erp]) desk.add({ who: "ann", tags: '["vip"]' });
      shop.add({ who: "ann", tags: '["vip"]' });
    },
    acts: [
      ({ crm, erp }) => {
        crm.edit("ann", { tags: "[]" });
        erp.edit("ann", { tags: '["new","vip"]' });
      },
    ],
    ends: ['ann ["new"]'],
  },
  {
    name: "a value that cannot be understood is listed and harms nobody, and travels once it is mended",
    rules: "S5 S50",
    systems: { crm: { columns: { stock: { type: "text" } } } },
    fields: { name: {}, stock: { type: "integer" } },
    before: ({ everywhere }) => everywhere({ who: "ann", name: "Ann", stock: "1" }),
    acts: [({ crm }) => crm.edit("ann", { name: "Anne", stock: "a dozen" }), ({ crm }) => crm.edit("ann", { stock: "12" })],
    ends: ["ann Anne 12"],
  },
];
