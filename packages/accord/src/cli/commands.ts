import type { Command } from "commander";
import { defineApply } from "./apply.ts";
import type { Binder, DefineCommand } from "./command.ts";
import { definePlan } from "./plan.ts";

/** Every command, in the order of `accord --help`: the order in which a newcomer meets them. */
const COMMANDS: readonly DefineCommand[] = [definePlan, defineApply];

export function defineCommands(parent: Command, binder: Binder): void {
  for (const define of COMMANDS) define(parent, binder);
}
