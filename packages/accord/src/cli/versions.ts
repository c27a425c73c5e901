import { renameSync, readFileSync, statSync, writeFileSync } from "node:fs";
import type { SyncVersionRow } from "@accord/engine/store";
import type { Command } from "commander";
import { examples } from "./command.ts";
import type { Binder, CommandContext } from "./command.ts";
import { EXIT } from "./exit.ts";
import type { ExitCode } from "./exit.ts";
import type { StoreSession } from "./session.ts";

interface VersionsOptions {
  readonly putBack?: boolean;
}

/** What `accord versions --json` prints: the versions, newest first of each sync; or one of them, with what the project file said. */
export type VersionsJson =
  | { readonly versions: readonly VersionJson[] }
  | (VersionJson & { /** Null where it leaned on other parts of the file. */ readonly source: string | null });

export interface VersionJson {
  readonly sync: string;
  readonly version: number;
  /** When it was planned first, ISO 8601. */
  readonly plannedAt: string;
  /** Whether it is the one that Accord goes by. */
  readonly isPresent: boolean;
  /** Whether the project file says the same now. */
  readonly isInFile: boolean;
  /** What differs from the version before it, in plain words. */
  readonly changed: readonly string[];
}

export function defineVersions(parent: Command, { bind }: Binder): void {
  const command = parent
    .command("versions [sync] [version]")
    .description("List what each sync was configured as, newest first; or show one version, and put it back into the project file.")
    .option("--put-back", "write that version into the project file; accord plan then shows what going back means")
    .addHelpText("after", examples("accord versions", "accord versions customers 2", "accord versions customers 2 --put-back"));
  bind<VersionsOptions>(command, versions);
}

async function versions(context: CommandContext, options: VersionsOptions, name?: string, number?: string): Promise<ExitCode> {
  const { openStoreSession } = await import("./session.ts");
  const { usageError } = await import("./problems.ts");
  if (options.putBack === true && number === undefined)
    throw usageError("Name the sync and its version too: accord versions customers 2 --put-back.");
  const session = await openStoreSession(context.program, context.session);
  try {
    const all = await readVersions(session, { signal: context.signal });
    const own = name === undefined ? all : all.filter(({ sync }) => sync === name);
    if (name !== undefined && own.length === 0)
      throw usageError(`There is no sync ${name} in the store; use one of ${[...new Set(all.map(({ sync }) => sync))].join(", ")}.`);
    if (number === undefined) {
      list(context, own);
      return EXIT.done;
    }
    const chosen = own.find(({ row }) => String(row.version) === number);
    if (chosen === undefined)
      throw usageError(`${name ?? ""} has no version ${number}; use one of ${own.map(({ row }) => row.version).join(", ")}.`);
    if (options.putBack === true) return await putBack(context, session, chosen);
    show(context, chosen);
    return EXIT.done;
  } finally {
    await session.close();
  }
}

interface Version {
  readonly sync: string;
  readonly row: SyncVersionRow;
  readonly json: VersionJson;
}

async function readVersions({ store, project }: StoreSession, options: { readonly signal: AbortSignal }): Promise<readonly Version[]> {
  const { digestOf } = await import("../config/digest.ts");
  const { describeChange } = await import("../config/describe-change.ts");
  const found: Version[] = [];
  for (const { id, name: sync, version: present } of await store.listSyncs(options)) {
    const isThere = project.syncs.some(({ name }) => name === sync);
    const written = isThere ? digestOf(project, sync).digest : null;
    const rows = await store.syncVersions(id, options);
    rows.forEach((row, index) => {
      const { version, digest, atMs } = row;
      const before = rows[index + 1];
      const json: VersionJson = {
        sync,
        version,
        plannedAt: new Date(atMs).toISOString(),
        isPresent: version === present,
        isInFile: digest === written,
        changed: before === undefined ? [] : describeChange(before, row),
      };
      found.push({ sync, row, json });
    });
  }
  return found;
}

function list({ output }: CommandContext, all: readonly Version[]): void {
  output.json({ versions: all.map(({ json }) => json) } satisfies VersionsJson);
  output.table(
    ["sync", "version", "planned", "", "changed"],
    all.map(({ json }) => [
      json.sync,
      String(json.version),
      json.plannedAt.slice(0, 16).replace("T", " "),
      [json.isPresent ? "present" : "", json.isInFile ? "in the file" : ""].filter((word) => word !== "").join(", "),
      json.changed.join("; "),
    ]),
  );
}

function show({ output }: CommandContext, { sync, row, json }: Version): void {
  output.json({ ...json, source: row.source } satisfies VersionsJson);
  if (row.source === null) {
    output.remark("The project file's text of this version leaned on other parts of the file and was not kept; this is what it meant.");
    output.line(JSON.stringify(JSON.parse(row.body), null, 2));
    return;
  }
  output.line("syncs:");
  output.line(`  ${sync}:`);
  output.line(row.source.replaceAll(/^(?=.)/gm, "    "));
}

/** Writes a version into the project file, and nothing else: what it means is for a plan to show. */
async function putBack({ output, program, session }: CommandContext, { project }: StoreSession, { sync, row }: Version): Promise<ExitCode> {
  const { readYaml } = await import("../config/yaml/source.ts");
  const { ProjectProblems, todoError } = await import("./problems.ts");
  const { readProject } = await import("../config/load-project.ts");
  const { digestOf } = await import("../config/digest.ts");
  const text = readFileSync(project.file, "utf8");
  const yaml = readYaml(project.file, text);
  const made = row.source === null || yaml.kind !== "read" ? null : yaml.source.replaced(["syncs", sync], row.source);
  if (made === null)
    throw todoError(
      "ACCORD_NOT_PUT_BACK",
      `What ${session.file} says of ${sync} leans on other parts of the file (anchors, aliases), or is not there; change it by hand to what accord versions ${sync} ${row.version} shows.`,
    );
  const read = readProject(project.file, made, program.environment);
  if (read.kind === "problems") throw new ProjectProblems(read.problems);
  const partial = `${project.file}.partial`;
  writeFileSync(partial, made, { mode: statSync(project.file).mode });
  renameSync(partial, project.file);
  output.json({ sync, version: row.version, file: project.file });
  output.line(
    `${session.file} says of ${sync} what it said in version ${row.version}. Nothing else has changed; what it means: accord plan`,
  );
  if (digestOf(read.project, sync).digest !== row.digest)
    output.remark("It does not mean quite the same: other parts of the file that it depends on have changed since.");
  return EXIT.done;
}
