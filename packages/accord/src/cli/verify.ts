import type { Difference, Verified } from "@accord/engine";
import type { Command } from "commander";
import { examples } from "./command.ts";
import type { Binder, CommandContext } from "./command.ts";
import { EXIT } from "./exit.ts";
import type { ExitCode } from "./exit.ts";
import { count, MASK, showValue } from "./output.ts";
import { todoError } from "./problems.ts";
import type { SystemsSession } from "./session.ts";

interface VerifyOptions {
  readonly all?: boolean;
  readonly showValues?: boolean;
}

/** What `accord verify --json` prints. */
export interface VerifyJson extends Verified {
  readonly agrees: boolean;
  /** The first 50, or all with `--all`. Sensitive values are masked unless `--show-values`. */
  readonly found: readonly DifferenceJson[];
}

export interface DifferenceJson {
  readonly sync: string;
  readonly side: string;
  readonly record: string | null;
  readonly entity: number | null;
  /** `value` differs; `missing`, `surplus`, `absent`, `unlinked` record; `unseen` change that is not taken in yet. */
  readonly kind: Difference["kind"];
  readonly field: string | null;
  readonly expected?: string | null;
  readonly actual?: string | null;
}

/** Differences named without `--all`. */
const SHOWN_MAX = 50;

export function defineVerify(parent: Command, { bind }: Binder): void {
  const command = parent
    .command("verify")
    .description("Compare all records of all sides with what Accord says they agree on, and name each difference. Writes nothing.")
    .option("--all", `name every difference, not the first ${SHOWN_MAX}`)
    .option("--show-values", "show sensitive values too")
    .addHelpText("after", examples("accord verify", "accord verify --all --json"));
  bind<VerifyOptions>(command, verifySides);
}

async function verifySides(context: CommandContext, options: VerifyOptions): Promise<ExitCode> {
  const { output, program } = context;
  const { openSession } = await import("./session.ts");
  const { verify } = await import("@accord/engine");
  const session = await openSession(program, { ...context.session, mayWrite: false, runKind: null });
  try {
    for (const warning of session.warnings) output.remark(warning);
    requirePlanned(session);
    const found: DifferenceJson[] = [];
    let seen = 0;
    const verified = await verify(
      session.context,
      (difference) => {
        seen += 1;
        output.progress(`${count(seen, "difference")} so far`);
        if (options.all === true || found.length < SHOWN_MAX) found.push(differenceJson(session, difference, options.showValues === true));
      },
      { signal: session.signal },
    );
    const agrees = verified.differences === 0;
    output.json({ agrees, ...verified, found } satisfies VerifyJson);
    for (const difference of found) output.line(sentence(difference));
    if (verified.differences > found.length) output.line(`… and ${verified.differences - found.length} more (--all)`);
    const compared = `${count(verified.records, "record")} of all sides and ${count(verified.entities, "entity", "entities")} compared`;
    const exempt =
      verified.exempt === 0 ? "" : `; ${count(verified.exempt, "field")} left out, where a person decides or the file says keep`;
    output.line(
      agrees
        ? output.paint.good(`The sides agree: ${compared}${exempt}.`)
        : `${count(verified.differences, "difference")}: ${compared}${exempt}. What would be written: accord plan`,
    );
    return agrees ? EXIT.done : EXIT.todo;
  } finally {
    await session.close();
  }
}

function requirePlanned({ context }: SystemsSession): void {
  const missing = context.syncs.filter(({ id }) => (context.states.get(id) ?? "new") === "new").map(({ model }) => model.name);
  if (missing.length > 0) throw todoError("ACCORD_NOT_APPLIED", `Nothing is known of ${missing.join(", ")} yet; begin with accord plan.`);
}

function differenceJson(
  { context }: SystemsSession,
  { sync, side, record, entity, kind, field, expected, actual }: Difference,
  showsValues: boolean,
): DifferenceJson {
  const model = context.syncs.find((candidate) => candidate.model.name === sync)?.model;
  const isMasked = !showsValues && model?.fields.find(({ name }) => name === field)?.sensitive === true;
  const shown = (value: string | null): string | null => (value !== null && isMasked ? MASK : value);
  return {
    sync,
    side,
    record,
    entity,
    kind,
    field,
    ...(expected === undefined ? {} : { expected: shown(expected) }),
    ...(actual === undefined ? {} : { actual: shown(actual) }),
  };
}

function sentence({ sync, side, record, entity, kind, field, expected, actual }: DifferenceJson): string {
  const at = `${sync} ${side}${record === null ? "" : ` record ${record}`}${entity === null ? "" : ` (entity ${entity})`}`;
  switch (kind) {
    case "value":
      return `${at}: ${field ?? ""} is ${showValue(actual, false)} and should be ${showValue(expected, false)}`;
    case "missing":
      return `${at}: the record is gone, and that has not been taken in yet`;
    case "surplus":
      return `${at}: the record is there and should not be`;
    case "unlinked":
      return `${at}: the record belongs to nothing that Accord knows`;
    case "absent":
      return `${at}: there is no record, and there should be one`;
    case "unseen":
      return `${at}: the record changed, and that has not been taken in yet`;
  }
}
