import type { Value } from "@accord/core";
import type { DecideRequest, LinkRequest, RunningSync } from "@accord/engine";
import type { NewRequest } from "@accord/engine/store";
import type { CommandContext } from "./command.ts";
import { conflictOf, openConflicts } from "./conflict-list.ts";
import type { OpenConflict, ResolvedJson } from "./conflicts-json.ts";
import { openHandOver } from "./hand-over.ts";
import { usageError } from "./problems.ts";
import { openStoreSession } from "./session.ts";

/** How one conflict is decided: exactly one of these. */
export interface ResolveOptions {
  readonly take?: string;
  readonly value?: string;
  readonly empty?: boolean;
  readonly keep?: boolean;
  readonly delete?: boolean;
  readonly link?: number;
  readonly new?: boolean;
}

/** Carries out a person's decision on one conflict. @throws ACCORD_USAGE where the decision does not fit the conflict */
export async function resolve(context: CommandContext, id: string, options: ResolveOptions): Promise<ResolvedJson> {
  const given = Object.entries(options).filter(([, value]) => value !== undefined && value !== false);
  if (given.length !== 1)
    throw usageError("Say how to decide it with exactly one of --take, --value, --empty, --keep, --delete, --link and --new.");
  const conflict = await readConflict(context, id);
  // Candidates of a match may have gone since: then they must not be written anywhere for want of a look.
  const hand = await openHandOver(context, { kind: "resolve", looksFirst: conflict.kind === "match" });
  let outcome: "done" | "failed" = "failed";
  try {
    const { session, run } = hand;
    const sync = session.context.syncs.find(({ model }) => model.name === conflict.sync);
    if (sync === undefined) throw usageError(`${conflict.sync} is no sync of this project any more.`);
    const request = requestOf(conflict, options, sync, { run, atMs: session.context.clock.nowMs() });
    await hand.carryOut([request]);
    const left = (await openConflicts(session, { signal: session.signal })).find((candidate) => candidate.id === id);
    outcome = "done";
    return { id, run, resolved: left === undefined, reason: left?.reason ?? null };
  } finally {
    await hand.close(outcome);
  }
}

async function readConflict(context: CommandContext, id: string): Promise<OpenConflict> {
  const session = await openStoreSession(context.program, context.session);
  try {
    return await conflictOf(session, id, context);
  } finally {
    await session.close();
  }
}

function requestOf(
  conflict: OpenConflict,
  options: ResolveOptions,
  sync: RunningSync,
  when: { readonly run: number; readonly atMs: number },
): NewRequest {
  const decide = (request: DecideRequest, entity: number): NewRequest => ({
    sync: sync.id,
    entity,
    kind: "decide",
    body: JSON.stringify(request),
    ...when,
  });
  switch (conflict.kind) {
    case "field":
      return decide({ field: conflict.field, value: valueOf(conflict, options, sync) }, conflict.entity);
    case "delete":
      if (options.keep !== true && options.delete !== true)
        throw usageError("Here a delete met an edit: decide it with --keep or --delete.");
      return decide({ field: null, value: options.keep === true ? "keep" : "delete" }, conflict.entity);
    case "match": {
      const { link } = options;
      const [first] = conflict.candidates;
      if (options.new === true && first !== undefined) {
        const request: LinkRequest = { side: conflict.side, record: conflict.record, alone: true };
        return { sync: sync.id, entity: first.entity, kind: "link", body: JSON.stringify(request), ...when };
      }
      if (link === undefined || !conflict.candidates.some(({ entity }) => entity === link)) {
        throw usageError(
          `Here a record fits several: decide it with --link and one of ${conflict.candidates.map(({ entity }) => entity).join(", ")}, or with --new.`,
        );
      }
      const request: LinkRequest = { side: conflict.side, record: conflict.record };
      return { sync: sync.id, entity: link, kind: "link", body: JSON.stringify(request), ...when };
    }
  }
}

function valueOf(conflict: Extract<OpenConflict, { kind: "field" }>, options: ResolveOptions, sync: RunningSync): Value {
  if (options.empty === true) return null;
  if (options.take !== undefined) {
    const held = conflict.values.find(({ side }) => side === options.take);
    if (held === undefined)
      throw usageError(
        `${options.take} is no side of ${conflict.sync}; it is one of ${conflict.values.map(({ side }) => side).join(", ")}.`,
      );
    if (held.value === undefined) throw usageError(`What ${options.take} holds is not known; give the value with --value.`);
    return held.value;
  }
  if (options.value === undefined) throw usageError("Here a field has two values: decide it with --take, --value or --empty.");
  const type = sync.model.fields.find(({ name }) => name === conflict.field)?.type;
  const parsed = type?.parse(options.value);
  if (parsed?.kind !== "value")
    throw usageError(`The value given is ${parsed?.problem ?? "of no known type"}; ${conflict.field} is of type ${type?.name ?? "?"}.`);
  return parsed.text;
}
