import type { Policy } from "@accord/core";
import type { Fault } from "../fake/faults.ts";
import { seededRandom } from "../fake/random.ts";
import type { SeededRandom } from "../fake/random.ts";
import type { FieldSetting, Mishap, ScriptItem, Setting, SystemSetting, UserAction } from "./setting.ts";

const NAMES = ["crm", "erp", "shop", "desk"] as const;

/** Works out what a seed stands for. `systems`: how many, 2 to 4; left to the seed where null. */
export function generateSetting(seed: number, systems: number | null = null): Setting {
  const random = seededRandom(seed).fork("setting");
  const count = systems ?? 2 + random.integer(3);
  const made = NAMES.slice(0, count).map((name) => systemSetting(name, random));
  const fields = fieldSettings(count, made, random);
  const before = Array.from({ length: 1 + random.integer(5) }, () => someOf(count, random));
  const turns = 200 + random.integer(1_000);
  const drawn = scriptOf({ count, turns, fields, known: before.length }, random);
  const whole = made.map((system, index) => ({ ...system, isReusing: system.isReusing && tellsDeletes(system, index, drawn) }));
  const moves = movesOf({ count, turns, fields, known: before.length }, random.fork("moves"));
  const script = [...drawn, ...replacements(whole, fields, turns, random.fork("replacements")), ...moves].toSorted(
    (a, b) => a.turn - b.turn,
  );
  return {
    seed,
    systems: whole,
    fields,
    deleteConflict: random.pick(["update-wins", "delete-wins", "review"]),
    before,
    script,
    turns,
  };
}

/**
 * Where nobody tells of a delete in time, a record that takes the id of a deleted one is an edit of it: so it is asked of logs alone, and of logs that are whole and prompt.
 * Without compare-and-set a write that was meant for the one changes the other. [S26, S34]
 */
function tellsDeletes({ capture, compareAndSet, staleReadMsMax }: SystemSetting, system: number, script: readonly ScriptItem[]): boolean {
  const isLost = (item: ScriptItem): boolean =>
    item.kind === "stall" || (item.kind === "fault" && item.system === system && (item.method === "next" || item.method === "follow"));
  return compareAndSet && staleReadMsMax === 0 && capture !== "sweep" && !script.some(isLost);
}

/** One system at least, all of them as often as not. */
function someOf(count: number, random: SeededRandom): number[] {
  const all = Array.from({ length: count }, (_, index) => index);
  return random.chance(0.5) ? all : random.shuffle(all).slice(0, 1 + random.integer(count));
}

function systemSetting(name: string, random: SeededRandom): SystemSetting {
  // As good as systems can be, as often as not; else each thing may be missing by itself.
  const isWhole = random.chance(0.6);
  // With neither a proof nor an id of ours an unproven create is looked up by match keys. [S26, S35]
  const isBare = !isWhole && random.chance(0.35);
  return {
    name,
    capture: random.pick(["log", "log", "touched", "touched", "sweep"]),
    compareAndSet: isWhole || random.chance(0.7),
    proof: isWhole || (!isBare && random.chance(0.7)),
    externalId: isWhole || (!isBare && random.chance(0.7)),
    batch: random.pick(["per-item", "all-or-nothing"]),
    writesReturn: isWhole ? "image-and-position" : random.pick(["image-and-position", "image", "nothing"]),
    hints: random.pick(["numbered", "bare"]),
    batchSizeMax: random.pick([1, 3, 1_000]),
    pageSizeMax: random.pick([2, 5, 1_000]),
    isUnique: random.chance(0.5),
    staleReadMsMax: isWhole ? 0 : staleness(random.fork(`${name} stale`)),
    // What was added later draws from its own: older seeds stay what they are.
    isReusing: random.fork(`ids of ${name}`).chance(0.25),
    shouts: random.fork(`capitals of ${name}`).chance(0.15),
  };
}

/** How old a reading may be. Milliseconds. [S10] */
function staleness(random: SeededRandom): number {
  return random.chance(0.4) ? 50 + random.integer(1_000) : 0;
}

function fieldSettings(count: number, systems: readonly SystemSetting[], random: SeededRandom): FieldSetting[] {
  const ranks = random.shuffle(Array.from({ length: count }, (_, index) => index));
  const owner: Policy = { kind: "owner", ranks, revert: false, fill: false, blanks: [], verified: null };
  const policies: Policy[] = [owner, { kind: "newest", ranks, clockSkewMs: 0 }, { kind: "review" }];
  const fields: FieldSetting[] = [
    { name: "email", type: "text", policy: owner, from: null },
    { name: "name", type: "text", policy: random.pick(policies), from: null },
    { name: "city", type: "text", policy: random.pick(policies), from: random.chance(0.25) ? [random.integer(count)] : null },
  ];
  const isProven = systems.every(({ compareAndSet, proof, externalId }) => compareAndSet && proof && externalId);
  if (isProven) fields.push({ name: "points", type: "integer", policy: { kind: "counter", floor: null }, from: null });
  const grouping = random.fork("group");
  if (grouping.chance(0.3)) fields.push({ name: "place", type: "group", policy: grouping.pick(policies), from: null });
  return fields;
}

interface Play {
  readonly count: number;
  readonly turns: number;
  readonly fields: readonly FieldSetting[];
  /** Things that are there from the beginning. */
  readonly known: number;
}

function scriptOf(play: Play, random: SeededRandom): ScriptItem[] {
  const items: ScriptItem[] = [];
  let things = play.known;
  let values = 0;
  const value = (): string => `v${(values += 1)}`;
  const at = (item: UserAction | Mishap): void => {
    items.push({ turn: random.integer(play.turns), ...item });
  };
  const actions = 4 + random.integer(36);
  for (let index = 0; index < actions; index += 1) {
    const system = random.integer(play.count);
    const roll = random.integer(100);
    if (roll < 10) {
      // Now and then the same thing comes to be at two systems at once.
      const thing = things;
      things += 1;
      for (const where of random.chance(0.3) ? someOf(play.count, random) : [system])
        at({ kind: "insert", system: where, thing, cells: cellsOf(play.fields, value, random) });
    } else if (roll < 20) at({ kind: "delete", system, thing: random.integer(things) });
    else if (roll < 35 && play.fields.some(({ type }) => type === "integer"))
      at({ kind: "count", system, thing: random.integer(things), field: "points", delta: random.integer(21) - 10 });
    else {
      const edit = { kind: "edit", thing: random.integer(things), cells: { [random.pick(["name", "city"])]: value() } } as const;
      // Now and then people write the same in two systems, as one who has been told twice.
      for (const where of random.chance(0.1) ? someOf(play.count, random) : [system]) at({ ...edit, system: where });
    }
  }
  const mishaps = random.chance(0.15) ? 0 : random.integer(40);
  for (let index = 0; index < mishaps; index += 1) at(mishap(play.count, random));
  return items.toSorted((a, b) => a.turn - b.turn);
}

/** Where things have a place people change it: mostly as a whole, now and then one part of it. [S16] */
function movesOf({ count, turns, fields, known }: Play, random: SeededRandom): ScriptItem[] {
  if (!fields.some(({ type }) => type === "group")) return [];
  return Array.from({ length: 1 + random.integer(12) }, (_, move): ScriptItem => {
    const cells = random.chance(0.7) ? { street: `s${move}`, zip: `z${move}` } : { [random.pick(["street", "zip"])]: `p${move}` };
    return { turn: random.integer(turns), kind: "edit", system: random.integer(count), thing: random.integer(known), cells };
  });
}

/** Numbers of things that people enter in place of others: beyond all others. */
const REPLACING = 1_000;

/** Where ids are given again people now and then delete the last record and enter another. */
function replacements(
  systems: readonly SystemSetting[],
  fields: readonly FieldSetting[],
  turns: number,
  random: SeededRandom,
): ScriptItem[] {
  let things = REPLACING;
  const items: ScriptItem[] = [];
  for (const [system, { isReusing }] of systems.entries()) {
    for (let count = isReusing ? random.integer(4) : 0; count > 0; count -= 1) {
      const thing = things;
      things += 1;
      const cells = cellsOf(fields, () => `r${thing}`, random);
      items.push({ turn: random.integer(turns), kind: "replace", system, thing, cells });
    }
  }
  return items;
}

function cellsOf(fields: readonly FieldSetting[], value: () => string, random: SeededRandom): Record<string, string> {
  const cells: Record<string, string> = {};
  for (const { name, type } of fields) {
    if (type === "integer") cells[name] = String(random.integer(50));
    else if (type === "text" && name !== "email" && random.chance(0.8)) cells[name] = value();
  }
  return cells;
}

function mishap(count: number, random: SeededRandom): Mishap {
  const roll = random.integer(100);
  if (roll < 12) return { kind: "crash" };
  if (roll < 16) return { kind: "stall", forMs: random.integer(40_000) };
  if (roll < 18) return { kind: "clockJump", byMs: random.integer(120_000) - 60_000 };
  const system = random.integer(count);
  if (roll < 60) return { kind: "fault", system, method: "write", fault: writeFault(random) };
  if (roll < 80) return { kind: "fault", system, method: "next", fault: feedFault(random) };
  const method = random.pick(["read", "list", "follow", "findProofs", "findByEntity", "open"] as const);
  return { kind: "fault", system, method, fault: readFault(random) };
}

function writeFault(random: SeededRandom): Fault {
  return random.pick<Fault>([
    { kind: "lostReply" },
    { kind: "lostReply" },
    { kind: "lostRequest" },
    { kind: "late", afterMs: random.integer(900) },
    { kind: "slow", durationMs: random.integer(900) },
    { kind: "unavailable" },
    { kind: "rateLimited", retryAfterMs: random.chance(0.5) ? null : random.integer(500) },
    { kind: "authRejected" },
    { kind: "partialBatch", executed: random.integer(3), reported: random.integer(2) },
  ]);
}

function feedFault(random: SeededRandom): Fault {
  return random.pick<Fault>([
    { kind: "hintsLost" },
    { kind: "hintsDuplicated" },
    { kind: "feedCut" },
    { kind: "cursorExpired" },
    { kind: "unavailable" },
    { kind: "slow", durationMs: random.integer(2_000) },
  ]);
}

function readFault(random: SeededRandom): Fault {
  return random.pick<Fault>([
    { kind: "lostRequest" },
    { kind: "lostReply" },
    { kind: "unavailable" },
    { kind: "rateLimited", retryAfterMs: null },
    { kind: "slow", durationMs: random.integer(2_000) },
    { kind: "truncatedPage" },
  ]);
}
