import type { EngineContext } from "@accord/engine";
import { AccordError } from "@accord/engine/connector";
import type { CallOptions, Capabilities, GuaranteeLevel } from "@accord/engine/connector";
import { bareContext, holdEngine } from "../daemon/engine-lease.ts";
import { todoError } from "./problems.ts";
import type { StoreSession } from "./session.ts";

/** The guarantee level of one object by its capabilities. [S26] */
export function guaranteeOf(capabilities: Capabilities): GuaranteeLevel {
  if (!capabilities.proof || !capabilities.externalId) return "G1";
  if (capabilities.compareAndSet) return "G3";
  return capabilities.changeHistory ? "G2+" : "G2";
}

/** What a level means, in one sentence. */
export const GUARANTEES: Readonly<Record<GuaranteeLevel, string>> = {
  G3: "nothing can be lost: every write is conditional and its outcome can be proven",
  "G2+": "an edit made between our read and our write can be overwritten, and is then found in the system's history and restored",
  G2: "an edit made between our read and our write can be overwritten and lost",
  G1: "the outcome of a write that got no answer cannot be proven, creates are looked up by match keys, and counters are refused",
};

/** How changes are learnt. */
export const CAPTURES: Readonly<Record<Capabilities["capture"], string>> = {
  log: "changes come from its log, with their images",
  touched: "changes come from a log of touched records, which are read again",
  sweep: "changes are learnt from full listings alone",
};

/** Counters need proof: a repeated delta would count twice. [S19] @throws ACCORD_NO_PROOF */
export function requireProof(context: EngineContext): void {
  for (const sync of context.syncs) {
    for (const [index, side] of sync.model.sides.entries()) {
      const capabilities = sync.objects[index]?.capabilities;
      const counter = sync.model.fields.find(
        ({ policy }, field) => policy.kind === "counter" && (side.mapping.fields[field]?.writes.length ?? 0) > 0,
      );
      if (counter === undefined || capabilities === undefined || capabilities.proof) continue;
      throw new AccordError(
        "ACCORD_NO_PROOF",
        `The counter ${sync.model.name}.${counter.name} cannot be kept at ${side.name}, where the outcome of a write cannot be proven yet, and nothing was written; run accord install, or give the field another policy.`,
        { remedy: "stop", where: side.connection },
      );
    }
  }
}

/** Connections that accord install has not prepared. */
export function notInstalled(context: EngineContext): readonly string[] {
  const names = context.syncs.flatMap((sync) =>
    sync.model.sides.filter((_, side) => sync.objects[side]?.capabilities.proof === false).map(({ connection }) => connection),
  );
  return [...new Set(names)];
}

/** A live run begins where a plan was applied, and nobody else acts. @throws ACCORD_NOT_APPLIED naming the commands, ACCORD_ALREADY_RUNNING */
export async function requireApplied({ project, store, identity, host }: StoreSession, options: CallOptions): Promise<void> {
  const held = await holdEngine(bareContext(host, store, identity), options);
  await held.release();
  const flowing = (await store.listSyncs(options)).filter(({ state }) => state === "live" || state === "paused").map(({ name }) => name);
  const missing = project.syncs.map(({ name }) => name).filter((name) => !flowing.includes(name));
  if (missing.length === 0) return;
  throw todoError(
    "ACCORD_NOT_APPLIED",
    `No plan of ${missing.join(", ")} was applied yet, so nothing may flow; see what would be written with accord plan, then write it with accord apply.`,
  );
}
