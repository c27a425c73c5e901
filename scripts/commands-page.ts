import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { createRoot } from "../packages/accord/src/cli/cli.ts";
import type { Program } from "../packages/accord/src/cli/program.ts";

const PACKAGES = fileURLToPath(new URL("../packages/", import.meta.url));
const CLI = join(PACKAGES, "accord", "src", "cli");
/** Where shapes outside the commands' own files stand. */
const SHARED = [
  "engine/src/run/plan.ts",
  "engine/src/run/verify.ts",
  "engine/src/journal/preview-undo.ts",
  "engine/src/connector/connector.ts",
];

/** One exported type as its source says it, with the names it mentions. */
interface Shape {
  readonly text: string;
  readonly mentions: readonly string[];
}

/** The page `docs/reference/commands.md`: help and `--json` shape of every command, from commander's own definitions and the types that commands export. */
export function commandsPage(): string {
  const shapes = readShapes();
  const sections = helpTexts().map(({ path, file, help }) => {
    const own = jsonShapesOf(file, shapes);
    const json = own.length === 0 ? "" : `\nWith \`--json\`:\n\n\`\`\`ts\n${own.join("\n\n")}\n\`\`\`\n`;
    return `## accord ${path}\n\n\`\`\`text\n${help}\n\`\`\`\n${json}`;
  });
  return `# Commands

Made from the program by \`scripts/write-reference.ts\`; do not edit.

Every command takes \`--file <path>\` (default \`accord.yaml\`), \`--json\`, \`--verbose\` (the log as JSON lines on standard error), \`--no-color\` and \`--help\`.
Text goes to standard output, remarks and errors to standard error; progress is shown on a terminal only. Ctrl-C stops cleanly and loses nothing.

| exit code | meaning |
| --- | --- |
| 0 | done |
| 1 | failed: \`error ACCORD_…: what happened; what to do\`; with \`--json\` also \`{ "error": { "code", "message" } }\` |
| 2 | wrong usage, or a project file that cannot be used: one line per problem, \`file:line:column: key: problem; remedy\`; with \`--json\` also \`{ "problems": […] }\` |
| 3 | there is something to do: the plan has changes, \`verify\` found differences, a guard waits for approval, a plan has to be applied first |

${sections.join("\n")}`;
}

/** Help as commander prints it, of every command that does something; the file is that of the top command. */
function helpTexts(): { readonly path: string; readonly file: string; readonly help: string }[] {
  let printed = "";
  const terminal: Program["terminal"] = {
    out: (text) => void (printed += text),
    error: () => undefined,
    ask: () => Promise.resolve(null),
    isErrorTty: false,
    isOutTty: false,
    width: 100,
  };
  const program: Program = { version: "", loadConnectors: unused, openStore: unused, restoreStore: unused, environment: {}, terminal };
  const root = createRoot(program, { bind: () => undefined });
  const texts: { path: string; file: string; help: string }[] = [];
  const visit = (command: typeof root, path: string, file: string): void => {
    printed = "";
    command.outputHelp();
    const help = printed.replace(/\nGlobal Options:\n(?:.+\n)*/, "").trim();
    texts.push({ path, file, help });
    for (const child of command.commands) visit(child, `${path} ${child.name()}`, file);
  };
  for (const command of root.commands) visit(command, command.name(), `${command.name()}.ts`);
  return texts;
}

/** The reference page runs no command. */
function unused(): never {
  throw new Error("the reference page runs no command");
}

/** Every type exported by a file of the command line or by the shared ones, by `file#name`. */
function readShapes(): ReadonlyMap<string, Shape> {
  const shapes = new Map<string, Shape>();
  const own = readdirSync(CLI).filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"));
  const files = [...own.map((name) => [name, join(CLI, name)] as const), ...SHARED.map((name) => [name, join(PACKAGES, name)] as const)];
  for (const [name, path] of files) {
    const source = ts.createSourceFile(name, readFileSync(path, "utf8"), ts.ScriptTarget.ES2023, true);
    for (const statement of source.statements) {
      if (!ts.isInterfaceDeclaration(statement) && !ts.isTypeAliasDeclaration(statement)) continue;
      if (!statement.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) continue;
      shapes.set(`${name}#${statement.name.text}`, {
        text: source.text.slice(statement.getStart(source, true), statement.end),
        mentions: mentionsOf(statement),
      });
    }
  }
  return shapes;
}

function mentionsOf(node: ts.Node): readonly string[] {
  const names: string[] = [];
  const visit = (child: ts.Node): void => {
    if (ts.isTypeReferenceNode(child) && ts.isIdentifier(child.typeName)) names.push(child.typeName.text);
    if (ts.isExpressionWithTypeArguments(child) && ts.isIdentifier(child.expression)) names.push(child.expression.text);
    ts.forEachChild(child, visit);
  };
  visit(node);
  return names;
}

/** The shapes named `…Json` of a command's file, and below them what they mention. */
function jsonShapesOf(file: string, shapes: ReadonlyMap<string, Shape>): readonly string[] {
  const found = new Map<string, string>();
  const visit = (key: string): void => {
    const shape = shapes.get(key);
    if (shape === undefined || found.has(key)) return;
    found.set(key, shape.text);
    for (const name of shape.mentions) {
      const sameFile = `${key.split("#")[0] ?? ""}#${name}`;
      const elsewhere = [...shapes.keys()].find((candidate) => candidate.endsWith(`#${name}`));
      visit(shapes.has(sameFile) ? sameFile : (elsewhere ?? ""));
    }
  };
  for (const key of shapes.keys())
    if ((key.startsWith(`${file}#`) || key.startsWith(`${file.replace(".ts", "-json.ts")}#`)) && key.endsWith("Json")) visit(key);
  return [...found.values()];
}
