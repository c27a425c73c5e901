import type { Command } from "commander";
import { defineApply } from "./apply.ts";
import { defineApprove } from "./approve.ts";
import { defineBackup } from "./backup.ts";
import { defineCheck } from "./check.ts";
import type { Binder, DefineCommand } from "./command.ts";
import { defineConflicts } from "./conflicts.ts";
import { defineDemo } from "./demo.ts";
import { defineDiscover } from "./discover.ts";
import { defineErrors } from "./errors.ts";
import { defineExplain } from "./explain.ts";
import { defineHistory } from "./history.ts";
import { defineInit } from "./init.ts";
import { defineInstall } from "./install.ts";
import { definePlan } from "./plan.ts";
import { defineRestore } from "./restore.ts";
import { defineRun } from "./run.ts";
import { defineSchema } from "./schema.ts";
import { defineStatus } from "./status.ts";
import { defineUninstall } from "./uninstall.ts";
import { defineUndo } from "./undo.ts";
import { defineVerify } from "./verify.ts";
import { defineVersions } from "./versions.ts";

/** Every command, in the order of `accord --help`: the order in which a newcomer meets them. */
const COMMANDS: readonly DefineCommand[] = [
  defineDemo,
  defineInit,
  defineCheck,
  defineDiscover,
  defineInstall,
  defineUninstall,
  definePlan,
  defineApply,
  defineApprove,
  defineRun,
  defineStatus,
  defineConflicts,
  defineErrors,
  defineExplain,
  defineHistory,
  defineUndo,
  defineVerify,
  defineVersions,
  defineBackup,
  defineRestore,
  defineSchema,
];

export function defineCommands(parent: Command, binder: Binder): void {
  for (const define of COMMANDS) define(parent, binder);
}
