import type { ColumnSchema, ObjectSchema } from "@accord/core";

/** What is known of one side when a project file is begun. */
export interface SideDraft {
  readonly name: string;
  /** The environment variable that holds its address, or null where `file` is it. */
  readonly variable: string | null;
  /** The path of a SQLite file, or null. */
  readonly file: string | null;
  readonly object: string | null;
  /** What was discovered, or null. */
  readonly schema: ObjectSchema | null;
}

interface FieldDraft {
  readonly name: string;
  readonly type: string;
  readonly left: string;
  readonly right: string;
}

/** A commented project file: a mapping where both sides were discovered, else a pattern to fill in. It loads as it is. */
export function projectFile(
  sync: string,
  left: SideDraft,
  right: SideDraft,
): { readonly text: string; readonly fields: readonly string[] } {
  const fields = left.schema === null || right.schema === null ? [] : sameNamed(left.schema, right.schema);
  const shown = fields.length > 0 ? fields : [{ name: "email", type: "email", left: "email", right: "email" }];
  const match = matchField(shown, left.schema);
  const text = `# What Accord keeps in agreement. "accord check" tells what is wrong with this file; "accord schema" gives editors completion.
version: 1

connections:                    # \${NAME} is read from the environment: no passwords in this file
${connectionLine(left)}
${connectionLine(right)}

syncs:
  ${sync}:
    sides:                      # the order matters where nothing else decides: the first side comes first
      ${left.name}: { object: ${yamlText(left.object ?? sync)} }
      ${right.name}: { object: ${yamlText(right.object ?? sync)} }
    match: [[${match}]]${" ".repeat(Math.max(1, 17 - match.length))}# records with the same ${match} are the same thing
    initial: owner              # where two of them differ at first: the first side's value, but null never beats a value
    policy: newest              # what decides a later conflict; the value that loses is kept and listed
    fields:                     # name: { type, a column per side }; add policy:, from:, sensitive: where needed
${shown.map((field) => fieldLine(field, left.name, right.name)).join("\n")}
${ignoreLines(left, right, shown)}    deletes: { do: archive, conflict: update-wins }
    guards: { deletes: 1% }     # more than this at once needs a person: accord approve
`;
  return { text, fields: fields.map(({ name }) => name) };
}

function connectionLine({ name, variable, file }: SideDraft): string {
  return variable === null
    ? `  ${name}: { connector: sqlite, file: ${yamlText(file ?? "")} }`
    : `  ${name}: { connector: postgres, url: "\${${variable}}" }`;
}

/** Columns of one name, but for keys: those belong to their system. */
function sameNamed(left: ObjectSchema, right: ObjectSchema): FieldDraft[] {
  return left.columns.flatMap((column): FieldDraft[] => {
    const other = right.columns.find((candidate) => candidate.name.toLowerCase() === column.name.toLowerCase());
    if (other === undefined || left.key.includes(column.name) || right.key.includes(other.name)) return [];
    const type = typeFor(column, other);
    return type === null || !/^[A-Za-z_]\w*$/.test(column.name)
      ? []
      : [{ name: column.name.toLowerCase(), type, left: column.name, right: other.name }];
  });
}

/** The field's type: a semantic one where the name says so, the columns' own where they agree, else text. */
function typeFor(left: ColumnSchema, right: ColumnSchema): string | null {
  if (left.codec === null || right.codec === null || !left.writable || !right.writable) return null;
  const [one, two] = [left.codec.typeName, right.codec.typeName];
  if (one === "text" && two === "text") {
    if (/e_?mail/i.test(left.name)) return "email";
    return /phone|mobile/i.test(left.name) ? "phone" : "text";
  }
  if (one === "enum" && left.codec.options !== null) return `{ enum: [${left.codec.options.map(yamlText).join(", ")}] }`;
  return one === two ? one : "text";
}

/** An e-mail address where there is one, else a column that is unique, else the first. */
function matchField(fields: readonly FieldDraft[], left: ObjectSchema | null): string {
  const unique = fields.find((field) => left?.uniques.some((columns) => columns.length === 1 && columns[0] === field.left));
  return (fields.find(({ type }) => type === "email") ?? unique ?? fields[0])?.name ?? "email";
}

function fieldLine({ name, type, left, right }: FieldDraft, leftName: string, rightName: string): string {
  return `      ${name}: { type: ${type}, ${leftName}: ${yamlText(left)}, ${rightName}: ${yamlText(right)} }`;
}

function ignoreLines(left: SideDraft, right: SideDraft, fields: readonly FieldDraft[]): string {
  const open = ({ schema }: SideDraft, mapped: readonly string[]): string[] =>
    (schema?.columns ?? []).map(({ name }) => name).filter((column) => !mapped.includes(column) && schema?.key.includes(column) !== true);
  const [lefts, rights] = [
    open(
      left,
      fields.map((field) => field.left),
    ),
    open(
      right,
      fields.map((field) => field.right),
    ),
  ];
  const rows = [
    ...(lefts.length === 0 ? [] : [`      ${left.name}: [${lefts.map(yamlText).join(", ")}]`]),
    ...(rights.length === 0 ? [] : [`      ${right.name}: [${rights.map(yamlText).join(", ")}]`]),
  ];
  return rows.length === 0 ? "" : `    ignore:                     # left alone on purpose; map what should agree\n${rows.join("\n")}\n`;
}

/** Plain where YAML reads it as the same text, else quoted. */
function yamlText(text: string): string {
  return /^[A-Za-z_./][\w./-]*$/.test(text) && !/^(true|false|null|yes|no|on|off|y|n|~)$/i.test(text) ? text : JSON.stringify(text);
}
