import type { ScriptItem, Setting } from "./setting.ts";

/** Takes away what a failure does not need: of the script, larger parts first, then the things that were there before. What is left still fails. */
export async function shrinkSetting(setting: Setting, isFailing: (candidate: Setting) => Promise<boolean>): Promise<Setting> {
  let least = setting;
  let size = Math.ceil(least.script.length / 2);
  while (size >= 1) {
    const shrunk = await withoutParts(least, size, isFailing);
    // As long as single items go, others may follow.
    if (size > 1) size = Math.ceil(size / 2);
    else if (shrunk === least) size = 0;
    least = shrunk;
  }
  for (const thing of least.before.keys()) {
    const candidate = { ...least, before: least.before.map((where, index) => (index === thing ? [] : where)) };
    if ((least.before[thing]?.length ?? 0) > 0 && (await isFailing(candidate))) least = candidate;
  }
  return least;
}

/** Without each part of the script of this size that is not needed: the same setting where all are. */
async function withoutParts(setting: Setting, size: number, isFailing: (candidate: Setting) => Promise<boolean>): Promise<Setting> {
  let least = setting;
  let from = 0;
  while (from < least.script.length) {
    const candidate = { ...least, script: [...least.script.slice(0, from), ...least.script.slice(from + size)] };
    if (await isFailing(candidate)) least = candidate;
    else from += size;
  }
  return least;
}

/** A setting as people read it. */
export function settingText({ seed, systems, fields, deleteConflict, before, script, turns }: Setting): string {
  const lines = [
    `seed ${seed}, ${turns} turns, a delete that meets an update: ${deleteConflict}`,
    ...systems.map((system) => {
      const lacks = (["compareAndSet", "proof", "externalId"] as const).filter((name) => !system[name]);
      const batch = `${system.batch} batches of ${system.batchSizeMax}, pages of ${system.pageSizeMax}`;
      const hints = system.capture === "touched" ? `, ${system.hints} hints` : "";
      const stale = system.staleReadMsMax === 0 ? "" : `, readings up to ${system.staleReadMsMax} ms old`;
      const capitals = system.shouts ? ", names in capitals" : "";
      const ids = system.isReusing ? ", ids given again" : "";
      return `  ${system.name}: capture ${system.capture}${hints}${stale}, writes return ${system.writesReturn}, ${batch}${ids}${capitals}${lacks.length === 0 ? "" : `, lacks ${lacks.join(", ")}`}`;
    }),
    ...fields.map(
      ({ name, policy, from }) =>
        `  ${name}: ${policy.kind}${from === null ? "" : `, from ${from.map((index) => systems[index]?.name).join(", ")}`}`,
    ),
    ...before.flatMap((where, thing) =>
      where.length === 0 ? [] : [`  before: thing ${thing} at ${where.map((index) => systems[index]?.name).join(", ")}`],
    ),
    ...script.map((item) => `  turn ${item.turn}: ${itemText(item, systems)}`),
  ];
  return lines.join("\n");
}

function itemText(item: ScriptItem, systems: Setting["systems"]): string {
  const name = "system" in item ? (systems[item.system]?.name ?? "") : "";
  switch (item.kind) {
    case "insert":
    case "edit":
      return `a user ${item.kind}s thing ${item.thing} at ${name}: ${JSON.stringify(item.cells)}`;
    case "count":
      return `a user counts thing ${item.thing} at ${name} by ${item.delta}`;
    case "replace":
      return `a user deletes the last record at ${name} and enters thing ${item.thing}: ${JSON.stringify(item.cells)}`;
    case "delete":
      return `a user deletes thing ${item.thing} at ${name}`;
    case "fault":
      return `the next ${item.method} of ${name}: ${JSON.stringify(item.fault)}`;
    case "crash":
      return "Accord dies";
    case "stall":
      return `Accord is held up for ${item.forMs} ms`;
    case "clockJump":
      return `the clock jumps by ${item.byMs} ms`;
  }
}
