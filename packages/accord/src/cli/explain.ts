import type { CanonicalField } from "@accord/core";
import type { CallOptions } from "@accord/engine/connector";
import type { DueState, StoredEntity, StoredMember } from "@accord/engine/store";
import type { Command } from "commander";
import { examples } from "./command.ts";
import type { Binder, CommandContext } from "./command.ts";
import { EXIT } from "./exit.ts";
import type { ExitCode } from "./exit.ts";
import type { NamedSync } from "./naming.ts";
import { MASK } from "./output.ts";
import type { Output } from "./output.ts";
import type { StoreSession } from "./session.ts";
import type { StoryLine } from "./story.ts";

interface ExplainOptions {
  readonly showValues?: boolean;
}

/** What `accord explain --json` prints. Sensitive values are masked unless `--show-values`. */
export interface ExplainJson {
  readonly sync: string;
  readonly entity: number;
  readonly life: string;
  /** The entity that it is part of since its record was merged into that one's; null where it was not. */
  readonly mergedInto: number | null;
  readonly records: readonly { readonly side: string; readonly record: string | null; readonly state: string }[];
  readonly fields: readonly ExplainedField[];
  /** Oldest first. */
  readonly story: readonly StoryLine[];
}

export interface ExplainedField {
  readonly field: string;
  readonly value?: string | null;
  /** Whose value it is: a side, or null for a decision or an undo in Accord. */
  readonly by: string | null;
  readonly cause: CanonicalField["provenance"]["cause"];
  /** When it was written, as nearly as the system tells: ISO 8601; null where it was there before the systems met. */
  readonly since: string | null;
  readonly inReview: boolean;
  readonly sides: readonly {
    readonly side: string;
    /** `shows`: the side shows it. `behind`: it is still owed. `waits`: a person decides first. `away`: no record there. `unmapped`: the side does not have the field. */
    readonly state: "shows" | "behind" | "waits" | "away" | "unmapped";
    readonly reason: string | null;
  }[];
}

export function defineExplain(parent: Command, { bind }: Binder): void {
  const command = parent
    .command("explain <sync> <record> [field]")
    .description(
      "Tell why a value is what it is: who wrote it where and when, which rule decided, what lost, and which sides show it. <record> is crm:17, or an entity's number.",
    )
    .option("--show-values", "show sensitive values too")
    .addHelpText("after", examples("accord explain customers crm:17 phone", "accord explain customers 236"));
  bind<ExplainOptions>(command, explain);
}

async function explain(context: CommandContext, { showValues }: ExplainOptions, name = "", word = "", field?: string): Promise<ExitCode> {
  const { openStoreSession } = await import("./session.ts");
  const { findEntity, namedSyncs, syncNamed } = await import("./naming.ts");
  const { storyOf } = await import("./story.ts");
  const { usageError } = await import("./problems.ts");
  const session = await openStoreSession(context.program, context.session);
  try {
    const sync = syncNamed(await namedSyncs(session, context), name);
    if (field !== undefined && !sync.fields.includes(field))
      throw usageError(`${name} has no field ${field}; it is one of ${sync.fields.join(", ")}.`);
    const entity = await findEntity(session, sync, word, context);
    const view = { sync, showsValues: showValues === true };
    const document: ExplainJson = {
      sync: name,
      entity: entity.id,
      life: entity.life.kind,
      mergedInto: entity.life.kind === "merged" ? entity.life.into : null,
      records: sync.sides.map((side, index) => ({
        side,
        record: entity.members[index]?.record ?? null,
        state: entity.members[index]?.state ?? "absent",
      })),
      fields: await explainFields(session, sync, entity, field ?? null, view.showsValues, context),
      story: await storyOf(session, view, entity.id, field ?? null, context),
    };
    context.output.json(document);
    await print(context.output, sync, document);
    return EXIT.done;
  } finally {
    await session.close();
  }
}

async function explainFields(
  session: StoreSession,
  sync: NamedSync,
  entity: StoredEntity,
  only: string | null,
  showsValues: boolean,
  options: CallOptions,
): Promise<ExplainedField[]> {
  const owed = await owedBySide(session, sync, entity, options);
  return entity.fields.flatMap((canonical, index): ExplainedField[] => {
    const field = sync.fields[index] ?? `field ${index}`;
    if (only !== null && field !== only) return [];
    const { value, provenance, review } = canonical;
    const shown = typeof value === "string" && !showsValues && sync.isSensitive(field) ? MASK : value;
    const sides = sync.sides.map((side, place) => {
      const isMapped = session.project.syncs.find(({ name }) => name === sync.name)?.entry.fields[field];
      const hasField = isMapped === undefined || side in isMapped.sides || isMapped.fields !== undefined;
      const state = stateAt(canonical, index, entity.members[place] ?? null, hasField);
      return { side, state, reason: state === "behind" ? (owed[place]?.reason ?? null) : null };
    });
    return [
      {
        field,
        ...(shown === undefined ? {} : { value: shown }),
        by: provenance.side === null ? null : (sync.sides[provenance.side] ?? null),
        cause: provenance.cause,
        since: provenance.fromMs === 0 ? null : new Date(provenance.toMs).toISOString(),
        inReview: review !== null,
        sides,
      },
    ];
  });
}

function stateAt(
  field: CanonicalField,
  index: number,
  member: StoredMember | null,
  hasField: boolean,
): ExplainedField["sides"][number]["state"] {
  if (!hasField) return "unmapped";
  if (member === null || member.state !== "live") return "away";
  if (field.review !== null) return "waits";
  return (member.ack[index] ?? 0) >= field.version ? "shows" : "behind";
}

const STATES: readonly DueState[] = ["ready", "held", "waiting", "parked"];

async function owedBySide(
  { store }: StoreSession,
  sync: NamedSync,
  entity: StoredEntity,
  options: CallOptions,
): Promise<readonly ({ readonly reason: string } | null)[]> {
  const owed: ({ readonly reason: string } | null)[] = [];
  for (let side = 0; side < sync.sides.length; side += 1) {
    const [due] = await store.listDue({ sync: sync.row.id, side, states: STATES, after: entity.id - 1, limit: 1 }, options);
    const own = due?.entity === entity.id ? due : null;
    owed.push(
      own === null ? null : { reason: own.reason ?? (own.state === "held" ? "it waits for accord apply" : "it will be written next") },
    );
  }
  return owed;
}

async function print(output: Output, sync: NamedSync, explained: ExplainJson): Promise<void> {
  const { entity, life, mergedInto, records, fields, story } = explained;
  const { showFieldValue, showInstant } = await import("./naming.ts");
  const names = records.map(
    ({ side, record, state }) =>
      `${side} ${record === null ? "has none" : `record ${record}`}${state === "live" || state === "absent" ? "" : ` (${STATE_NAMES[state] ?? state})`}`,
  );
  const lifeText = life === "live" ? "" : mergedInto === null ? `; it is ${life}` : `; it was merged into entity ${mergedInto}`;
  output.line(`${output.paint.bold(`${sync.name} entity ${entity}`)}: ${names.join(", ")}${lifeText}`);
  for (const { field, value, by, cause, since, sides, inReview } of fields) {
    const when = cause === "initial" || since === null ? "" : `, ${showInstant(Date.parse(since))}`;
    output.line(
      `${output.paint.bold(field)} is ${showFieldValue(sync, field, value, true)}, ${originText(by, cause)}${when}${inReview ? "; a person has to decide (accord conflicts)" : ""}`,
    );
    for (const { side, state, reason } of sides)
      if (state !== "unmapped") output.line(`    ${side} ${STATE_TEXTS[state]}${reason === null ? "" : `: ${reason}`}`);
  }
  output.line();
  output.line("What happened, oldest first:");
  for (const { at, text, run } of story)
    output.line(`  ${showInstant(Date.parse(at))}  ${text}${run === null ? "" : output.paint.dim(`  (run ${run})`)}`);
  if (story.length === 0) output.line("  nothing");
}

const STATE_NAMES: Readonly<Record<string, string>> = {
  creating: "or one that was asked for and not seen yet: accord errors",
  outOfScope: "out of scope",
};

const STATE_TEXTS = {
  shows: "shows it",
  behind: "does not show it yet",
  waits: "keeps what it has until a person decides",
  away: "has no record of it now",
} as const;

function originText(by: string | null, cause: ExplainedField["cause"]): string {
  switch (cause) {
    case "user":
      return `written by a user of ${by ?? "Accord"}`;
    case "initial":
      return `as ${by ?? "the first side"} had it when the systems met`;
    case "policy":
      return `decided by a rule${by === null ? "" : ` for ${by}`}`;
    case "decision":
      return "decided by a person in Accord";
    case "undo":
      return "put back by an undo";
  }
}
