import type { InstallStep } from "@accord/engine/connector";
import type { Output } from "./output.ts";

/** What was or would be made at one connection, as `--json` shows it. */
export interface StepsJson {
  readonly connection: string;
  readonly steps: readonly InstallStep[];
}

const WORDS: Readonly<Record<InstallStep["state"], string>> = {
  done: "done",
  already: "already there",
  would: "would be done",
  impossible: "not possible",
};

export function printSteps(output: Output, { connection, steps }: StepsJson, showsSql: boolean): void {
  output.line(output.paint.bold(connection));
  for (const { what, sql, state, reason } of steps) {
    output.line(`  ${what}: ${WORDS[state]}${reason === null ? "" : `; ${reason}`}`);
    if (showsSql && sql !== null) for (const line of sql.split("\n")) output.line(output.paint.dim(`      ${line}`));
  }
  if (steps.length === 0) output.line("  nothing to do");
}
