import { DatabaseSync } from "node:sqlite";
import { createCommandLine } from "./command-line.ts";
import type { CommandLine } from "./command-line.ts";

/** The smallest world a command can be tried in: two SQLite files, `contacts` in crm.db and `customer` in erp.db, and a project whose sync `customers` keeps them in agreement. */
export interface Shop extends CommandLine {
  readonly crm: DatabaseSync;
  readonly erp: DatabaseSync;
  /** Runs a command and reads what it prints with `--json`. The caller names the shape that the command documents. */
  json<Answer>(...words: readonly string[]): Promise<Answer>;
  /** Runs a command that should fail: its exit code and its one line. */
  told(...words: readonly string[]): Promise<readonly [number | null, string]>;
  /** Writes the project file anew. */
  project(options: ShopOptions): void;
  /** Runs `install` and `apply --yes`, and fails with what they say if they do. */
  begin(): Promise<void>;
}

export interface ShopOptions {
  /** Columns of both tables after `id` and `email`, each a text column and a field of the same name. Without it: `name`. */
  readonly columns?: readonly string[];
  /** Further keys of fields by name: `{ name: "policy: review" }`. */
  readonly fields?: Readonly<Record<string, string>>;
  /** Types of columns that are no texts, by name: field type and column type. */
  readonly types?: Readonly<Record<string, readonly [field: string, column: string]>>;
  /** Further lines of the sync: `guards: { deletes: 100% }`. */
  readonly sync?: readonly string[];
  /** Further lines of the project: `limits: { lease: 2s }`. */
  readonly top?: readonly string[];
}

/** Makes the world, with empty tables. */
export function createShop(options: ShopOptions = {}): Shop {
  const line = createCommandLine();
  const project = (changed: ShopOptions): void => line.write("accord.yaml", projectOf(changed));
  project(options);
  const crm = new DatabaseSync(line.path("crm.db"));
  const erp = new DatabaseSync(line.path("erp.db"));
  const columns = columnsOf(options).map((name) => `, ${name} ${options.types?.[name]?.[1] ?? "TEXT"}`);
  crm.exec(`CREATE TABLE contacts (id INTEGER PRIMARY KEY, email TEXT${columns.join("")})`);
  erp.exec(`CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT${columns.join("")})`);
  return {
    ...line,
    crm,
    erp,
    project,
    json: async <Answer>(...words: readonly string[]) => JSON.parse((await line.run([...words, "--json"])).out) as Answer,
    told: async (...words) => {
      const { code, error } = await line.run(words);
      return [code, error.trim()];
    },
    begin: async () => {
      for (const words of [["install"], ["apply", "--yes"]]) {
        const { code, error } = await line.run(words);
        if (code !== 0) throw new Error(`accord ${words.join(" ")} ended with ${code}: ${error}`);
      }
    },
    remove: async () => {
      crm.close();
      erp.close();
      await line.remove();
    },
  };
}

function columnsOf({ columns }: ShopOptions): readonly string[] {
  return columns ?? ["name"];
}

function projectOf(options: ShopOptions): string {
  const fields = columnsOf(options).map((name) => {
    const more = options.fields?.[name];
    return `      ${name}: { type: ${options.types?.[name]?.[0] ?? "text"}, crm: ${name}, erp: ${name}${more === undefined ? "" : `, ${more}`} }`;
  });
  return `version: 1
installation: shop
${(options.top ?? []).map((text) => `${text}\n`).join("")}connections:
  crm: { connector: sqlite, file: crm.db }
  erp: { connector: sqlite, file: erp.db }
syncs:
  customers:
    sides: { crm: { object: contacts }, erp: { object: customer } }
    match: [[email]]
    fields:
      email: { type: email, crm: email, erp: email }
${fields.join("\n")}
${(options.sync ?? []).map((text) => `    ${text}\n`).join("")}`;
}
