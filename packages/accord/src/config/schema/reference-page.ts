import { PROJECT_EXAMPLE } from "../example.ts";
import { functionUsages } from "../cel/build-call.ts";
import { jsonSchemaOf } from "./json-schema.ts";

/** What is read of a JSON Schema node here. */
interface Node {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Node | boolean;
  readonly items?: Node;
  readonly anyOf?: readonly Node[];
  readonly pattern?: string;
}

/** Names that stand for a person's own in headings: the keys of maps. */
const PLACEHOLDERS: Readonly<Record<string, string>> = {
  connections: "<connection>",
  syncs: "<sync>",
  sides: "<side>",
  fields: "<field>",
  categories: "<category>",
};

/** The page `docs/reference/project-file.md`, made from the schema: every key with its type, default and meaning. */
export function referencePage(): string {
  const root = jsonSchemaOf(null) as Node; // What zod writes is JSON Schema.
  const sections: string[] = [];
  collect(root, "", sections, new Set());
  return [
    "# The project file",
    "",
    "Generated from the schema by `scripts/write-reference.ts`; do not edit. `accord schema` prints the JSON Schema of your own file for editors.",
    "",
    "```yaml",
    PROJECT_EXAMPLE.trimEnd(),
    "```",
    "",
    "`${NAME}` is read from the environment, below `connections`, `store` and `installation`. Time spans have a unit (`500ms`, `2s`, `5m`, `24h`, `7d`), shares a percent sign (`1%`).",
    "",
    ...sections,
    "## Expressions",
    "",
    "`get`, `put`, `filter` and `custom` are CEL. Functions:",
    "",
    ...functionUsages.map((usage) => `- \`${usage}\``),
    "",
  ].join("\n");
}

function collect(node: Node, path: string, sections: string[], seen: Set<string>): void {
  const table = tableOf(node);
  if (table !== "" && !seen.has(table)) {
    seen.add(table);
    sections.push(`## ${path === "" ? "The whole file" : `\`${path}\``}`, "", table, "");
  }
  if (typeof node.additionalProperties === "object") collect(node.additionalProperties, join(path, placeholderOf(path)), sections, seen);
  for (const [key, child] of Object.entries(node.properties ?? {})) collect(child, join(path, key), sections, seen);
  const forms = (node.anyOf ?? []).filter((branch) => branch.properties !== undefined);
  for (const branch of node.anyOf ?? [])
    collect(branch, forms.length > 1 ? `${path}: { ${branch.required?.[0] ?? ""}: … }` : path, sections, seen);
  if (node.items !== undefined) collect(node.items, path, sections, seen);
}

function join(path: string, key: string): string {
  return path === "" ? key : `${path}.${key}`;
}

function placeholderOf(path: string): string {
  const last = path.split(".").at(-1) ?? "";
  return PLACEHOLDERS[last] ?? (last === "<field>" ? "<side>" : "<name>");
}

function tableOf(node: Node): string {
  const rows = Object.entries(node.properties ?? {}).map(([key, child]) => {
    const isRequired = node.required?.includes(key) === true;
    const standard = child.default === undefined ? (isRequired ? "required" : "") : `\`${JSON.stringify(child.default)}\``;
    return `| \`${key}\` | ${cell(kindOf(child))} | ${cell(standard)} | ${cell(child.description ?? "")} |`;
  });
  return rows.length === 0 ? "" : ["| key | value | default | meaning |", "| --- | --- | --- | --- |", ...rows].join("\n");
}

function kindOf(node: Node): string {
  if (node.const !== undefined) return `\`${JSON.stringify(node.const)}\``;
  if (node.enum !== undefined) return node.enum.map((option) => `\`${String(option)}\``).join(", ");
  if (node.anyOf !== undefined)
    return [...new Set(node.anyOf.map((branch) => (branch.properties === undefined ? kindOf(branch) : "a map, see below")))].join(" or ");
  switch (node.type) {
    case "array":
      return `list of ${node.items === undefined ? "anything" : kindOf(node.items)}`;
    case "object":
      return "map";
    case "boolean":
      return "true or false";
    case "string":
      return node.pattern?.includes("ms|s|m|h|d") === true ? "time span" : node.pattern?.includes("%") === true ? "percentage" : "text";
    case undefined:
      return "anything";
    case "integer":
      return "whole number";
    default:
      return [node.type].flat().join(", ");
  }
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
