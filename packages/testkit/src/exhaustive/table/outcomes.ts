import type { Fault } from "../../fake/faults.ts";
import type { People } from "../people.ts";
import type { Scenario } from "../scenario.ts";

const LOST_REQUEST: Fault = { kind: "lostRequest" };
const LOST_REPLY: Fault = { kind: "lostReply" };
const LATE: Fault = { kind: "late", afterMs: 800 };
const DUPLICATE: Fault = { kind: "duplicate", afterMs: 500 };

function editing(fault: Fault): (people: People) => void {
  return ({ crm, erp }) => {
    erp.fails("write", fault);
    crm.edit("ann", { name: "Anne" });
  };
}

function creating(fault: Fault): (people: People) => void {
  return ({ crm, erp }) => {
    erp.fails("write", fault);
    crm.add({ who: "bob", name: "Bob" });
  };
}

function deleting(fault: Fault): (people: People) => void {
  return ({ crm, erp }) => {
    erp.fails("write", fault);
    crm.remove("ann");
  };
}

function enterFive({ everywhere }: People): void {
  for (const who of ["ann", "bob", "cid", "dan", "eva"]) everywhere({ who, name: "old" });
}

/** Calls whose outcome is not known, and systems that refuse. */
export const OUTCOMES: readonly Scenario[] = [
  { name: "an update never arrives", rules: "S31 S32", acts: [editing(LOST_REQUEST)], ends: ["ann Anne"] },
  { name: "an update lands and its answer is lost", rules: "S31 S32", acts: [editing(LOST_REPLY)], ends: ["ann Anne"] },
  { name: "an update lands after its caller has given up", rules: "S31", acts: [editing(LATE)], ends: ["ann Anne"] },
  { name: "an update is carried out twice", rules: "S31", acts: [editing(DUPLICATE)], ends: ["ann Anne"] },
  { name: "a create never arrives", rules: "S32 S35", acts: [creating(LOST_REQUEST)], ends: ["ann Ann", "bob Bob"] },
  { name: "a create lands and its answer is lost", rules: "S32 S35", acts: [creating(LOST_REPLY)], ends: ["ann Ann", "bob Bob"] },
  { name: "a create lands after its caller has given up", rules: "S31 S35", acts: [creating(LATE)], ends: ["ann Ann", "bob Bob"] },
  { name: "a create is carried out twice", rules: "S35", acts: [creating(DUPLICATE)], ends: ["ann Ann", "bob Bob"] },
  { name: "a delete never arrives", rules: "S32 S38", acts: [deleting(LOST_REQUEST)], ends: [] },
  { name: "a delete lands and its answer is lost", rules: "S32 S38", acts: [deleting(LOST_REPLY)], ends: [] },
  { name: "a delete lands after its caller has given up", rules: "S31 S38", acts: [deleting(LATE)], ends: [] },
  { name: "a delete is carried out twice", rules: "S38", acts: [deleting(DUPLICATE)], ends: [] },
  {
    name: "an update lands, its answer is lost, and somebody edits the same field",
    rules: "S32 S33",
    acts: [
      ({ crm, erp, waitMs }) => {
        erp.fails("write", LOST_REPLY);
        crm.edit("ann", { name: "Anne" });
        waitMs(300);
      },
      ({ erp }) => erp.edit("ann", { name: "Anna" }),
    ],
    ends: ["ann Anna"],
    allows: [{ ends: ["ann Anne"], why: "where Accord died before its write had landed, the two edits met, and the owner's wins [S17]" }],
  },
  {
    name: "a count is sold at one system and its answer is lost while the other restocks",
    rules: "S19 S31 S32",
    fields: { stock: { type: "integer", policy: { kind: "counter", floor: null } } },
    before: ({ everywhere }) => everywhere({ who: "ann", stock: "10" }),
    acts: [
      ({ crm, erp, waitMs }) => {
        erp.fails("write", LOST_REPLY);
        crm.edit("ann", { stock: "7" });
        waitMs(300);
      },
      ({ erp }) => erp.edit("ann", { stock: String(Number(erp.system.record("things", erp.id("ann"))?.["stock"]) + 20) }),
    ],
    ends: ["ann 27"],
  },
  {
    name: "an answer is lost at a system that can prove nothing, and the record itself tells",
    rules: "S26 S31",
    systems: { erp: { can: { proof: false } } },
    acts: [editing(LOST_REPLY)],
    ends: ["ann Anne"],
  },
  {
    name: "an update never arrives at a system without compare-and-set",
    rules: "S26 S31",
    systems: { erp: { can: { compareAndSet: false } } },
    acts: [editing(LOST_REQUEST)],
    ends: ["ann Anne"],
  },
  {
    name: "a write gives nothing back",
    rules: "S29 S57",
    systems: { erp: { options: { writesReturn: "nothing", hints: "bare" } } },
    acts: [({ crm }) => crm.edit("ann", { name: "Anne" })],
    ends: ["ann Anne"],
  },
  {
    name: "a batch is carried out in part, and told in smaller part",
    rules: "S47 S31",
    before: enterFive,
    acts: [
      ({ crm, erp }) => {
        erp.fails("write", { kind: "partialBatch", executed: 3, reported: 1 });
        for (const who of ["ann", "bob", "cid", "dan", "eva"]) crm.edit(who, { name: "new" });
      },
    ],
    ends: ["ann new", "bob new", "cid new", "dan new", "eva new"],
  },
  {
    name: "one poison among five is found by halves and parked, and goes through once it is mended",
    rules: "S30 S47",
    systems: {
      erp: {
        options: { batch: "all-or-nothing" },
        columns: { name: { refuses: (cell) => (cell === "poison" ? "no poison here" : null) } },
      },
    },
    before: enterFive,
    acts: [
      ({ crm }) => {
        for (const who of ["ann", "bob", "cid", "dan", "eva"]) crm.edit(who, { name: who === "cid" ? "poison" : "new" });
      },
      ({ crm }) => crm.edit("cid", { name: "cure" }),
    ],
    ends: ["ann new", "bob new", "cid cure", "dan new", "eva new"],
  },
  {
    name: "what was refused is tried again when a person asks, and refused again",
    rules: "S30",
    systems: { erp: { columns: { name: { refuses: (cell) => (cell === "poison" ? "no poison here" : null) } } } },
    acts: [({ crm }) => crm.edit("ann", { name: "poison" }), ({ retry }) => retry()],
    ends: { crm: ["ann poison"], erp: ["ann Ann"] },
    asks: ["parked ann at erp: P0001"],
  },
  { name: "a system asks for fewer calls", rules: "S30", acts: [editing({ kind: "rateLimited", retryAfterMs: 500 })], ends: ["ann Anne"] },
  { name: "a system cannot be reached", rules: "S30", acts: [editing({ kind: "unavailable" })], ends: ["ann Anne"] },
  { name: "a system refuses the credentials of a write", rules: "S30", acts: [editing({ kind: "authRejected" })], ends: ["ann Anne"] },
  {
    name: "a feed refuses the credentials, and is followed again once they are mended",
    rules: "S30",
    begins: "stopped",
    acts: [
      ({ crm }) => {
        crm.fails("next", { kind: "authRejected" });
        crm.edit("ann", { name: "Anne" });
      },
    ],
    ends: ["ann Anne"],
  },
  {
    name: "the wall clock jumps ahead while an answer is lost",
    rules: "S31",
    acts: [
      ({ crm, erp, jumpMs }) => {
        erp.meanwhile("write", () => jumpMs(3_600_000), LOST_REPLY);
        crm.edit("ann", { name: "Anne" });
      },
    ],
    ends: ["ann Anne"],
  },
  {
    name: "the wall clock jumps back in the middle",
    rules: "S31 S54",
    acts: [
      ({ crm, erp, jumpMs }) => {
        erp.meanwhile("write", () => jumpMs(-10_000));
        crm.edit("ann", { name: "Anne" });
      },
    ],
    ends: ["ann Anne"],
  },
  {
    name: "the process is held up past its lease in the middle of a call, and another takes over",
    rules: "S32 S54",
    acts: [
      ({ crm, erp, stall }) => {
        erp.meanwhile("write", () => stall(40_000));
        crm.edit("ann", { name: "Anne" });
      },
    ],
    ends: ["ann Anne"],
  },
  {
    name: "the process is held up past its lease in the middle of a create, and another takes over",
    rules: "S32 S35 S54",
    acts: [
      ({ crm, erp, stall }) => {
        erp.meanwhile("write", () => stall(40_000));
        crm.add({ who: "bob", name: "Bob" });
      },
    ],
    ends: ["ann Ann", "bob Bob"],
  },
];
