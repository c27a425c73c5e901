import type { ObjectSchema } from "@accord/core";
import type { Command } from "commander";
import { examples } from "./command.ts";
import type { Binder, CommandContext } from "./command.ts";
import { EXIT } from "./exit.ts";
import type { ExitCode } from "./exit.ts";
import { usageError } from "./problems.ts";

/** What `accord discover --json` prints. */
export interface DiscoverJson {
  readonly connections: readonly { readonly connection: string; readonly objects: readonly ObjectJson[] }[];
}

export interface ObjectJson {
  readonly object: string;
  readonly key: readonly string[];
  /** Why it cannot be a side, or null. */
  readonly keyProblem: string | null;
  readonly columns: readonly {
    readonly column: string;
    readonly nativeType: string;
    /** Accord's type, or null where the column cannot be carried exactly; then `problem` says why. */
    readonly type: string | null;
    readonly options: readonly string[] | null;
    readonly nullable: boolean;
    readonly writable: boolean;
    readonly hasDefault: boolean;
    readonly problem: string | null;
  }[];
  readonly uniques: readonly (readonly string[])[];
  readonly references: ObjectSchema["references"];
}

export function defineDiscover(parent: Command, { bind }: Binder): void {
  const command = parent
    .command("discover")
    .argument("[connection]", "only this connection")
    .argument("[object]", "only this object, with its columns")
    .description("List the objects that each connection can see; of one object the columns, types and keys. Writes nothing.")
    .addHelpText("after", examples("accord discover", "accord discover erp public.customer"));
  bind<object>(command, discover);
}

async function discover(context: CommandContext, _options: object, connection?: string, object?: string): Promise<ExitCode> {
  const { output, program, signal } = context;
  const { connectAll, openProject } = await import("./session.ts");
  const opened = await openProject(program, context.session);
  const names = opened.project.connections.map(({ name }) => name);
  if (connection !== undefined && !names.includes(connection))
    throw usageError(`There is no connection ${connection}; use one of ${names.join(", ")}.`);
  const connections = connectAll(opened, connection === undefined ? names : [connection]);
  try {
    const found: DiscoverJson["connections"][number][] = [];
    for (const [name, one] of connections) {
      const schemas = await one.discover({ signal });
      const objects = schemas
        .filter((schema) => object === undefined || schema.name === object || schema.name === `public.${object}`)
        .map(objectJson);
      if (object !== undefined && objects.length === 0)
        throw usageError(`There is no object ${object} at ${name}; accord discover ${name} lists those that the account can see.`);
      found.push({ connection: name, objects });
    }
    output.json({ connections: found } satisfies DiscoverJson);
    for (const one of found) print(context, one, object !== undefined);
    return EXIT.done;
  } finally {
    await Promise.allSettled([...connections.values()].map((one) => one.close()));
  }
}

function print({ output }: CommandContext, { connection, objects }: DiscoverJson["connections"][number], hasColumns: boolean): void {
  output.line(output.paint.bold(connection));
  if (!hasColumns) {
    output.table(
      ["  object", "key", "columns", ""],
      objects.map(({ object, key, keyProblem, columns }) => [
        `  ${object}`,
        key.join(", "),
        String(columns.length),
        keyProblem === null ? "" : `no side: ${keyProblem}`,
      ]),
    );
    return;
  }
  for (const { object, key, keyProblem, columns, uniques, references } of objects) {
    output.line(`  ${object}: ${keyProblem === null ? `key ${key.join(", ")}` : `cannot be a side: ${keyProblem}`}`);
    output.table(
      ["  column", "type", "as", ""],
      columns.map(({ column, nativeType, type, options, nullable, writable, hasDefault, problem }) => [
        `  ${column}`,
        nativeType,
        type === null ? "-" : options === null ? type : `${type}(${options.join(", ")})`,
        [nullable ? "" : "required", hasDefault ? "has a default" : "", writable ? "" : "read-only", problem ?? ""]
          .filter((word) => word !== "")
          .join(", "),
      ]),
    );
    for (const unique of uniques) output.line(`  unique: ${unique.join(", ")}`);
    for (const { columns: from, object: to, objectColumns } of references)
      output.line(`  ${from.join(", ")} names ${to} (${objectColumns.join(", ")})`);
  }
}

function objectJson(schema: ObjectSchema): ObjectJson {
  const { name, key, keyProblem, columns, uniques, references } = schema;
  return {
    object: name,
    key,
    keyProblem,
    columns: columns.map(({ name: column, nativeType, codec, codecProblem, nullable, writable, hasDefault }) => ({
      column,
      nativeType,
      type: codec?.typeName ?? null,
      options: codec?.options ?? null,
      nullable,
      writable,
      hasDefault,
      problem: codecProblem,
    })),
    uniques,
    references,
  };
}
