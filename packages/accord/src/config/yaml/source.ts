import { isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, visit, type Document, type Node } from "yaml";

/** A key path: keys of maps and places in lists. */
export type KeyPath = readonly (string | number)[];

/** A place in a file, counted from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** A YAML text that was read, with the way back from each key to its place. */
export interface YamlSource {
  readonly file: string;
  /** Maps, lists, texts, numbers, truth values and nulls. `${NAME}` stands as {@link Placeholder} inside texts. */
  readonly value: unknown;
  /** Where a key (of a list: its item) stands; the nearest enclosing one where the path does not exist. */
  locate(path: KeyPath): Place;
  /** What stands below a key, as it is written there, without the indentation that it has there. Null where there is no such key, or where it can only be read together with the rest of the file (anchors and aliases). */
  textOf(path: KeyPath): string | null;
  /** The whole text with another one below a key, as `textOf` gives it. Null as there. */
  replaced(path: KeyPath, block: string): string | null;
  /** A line of the file as it is written, counted from 1. */
  line(number: number): string;
}

/** A text that is no YAML. */
export interface SyntaxFault extends Place {
  readonly problem: string;
}

/** A use of the environment or of a secret inside a text: `${NAME}`, `${secret:name}`. */
export interface Placeholder {
  readonly kind: "environment" | "secret";
  readonly name: string;
}

/**
 * `${NAME}` holds characters that YAML's flow maps end a text at (`{ token: ${TOKEN} }`). They are replaced by private-use characters before the YAML is read:
 * one for one, so that every place stays where it is.
 */
const OPEN = "\u{e000}";
const CLOSE = "\u{e001}";
const WRITTEN = /\$\{((?:secret:)?[A-Za-z_][\w.-]*)\}/gu;
const READ = /\$\u{e000}((?:secret:)?[A-Za-z_][\w.-]*)\u{e001}/gu;

/** Reads a YAML text. Scalars that are spelled in an unusual way (`01`, `0x1F`, `1.50`) stay the text they are, so that codes keep their zeros. */
export function readYaml(
  file: string,
  text: string,
): { readonly kind: "read"; readonly source: YamlSource } | { readonly kind: "faults"; readonly faults: readonly SyntaxFault[] } {
  const lines = new LineCounter();
  const document = parseDocument(text.replaceAll(WRITTEN, `$${OPEN}$1${CLOSE}`), {
    lineCounter: lines,
    prettyErrors: false,
    stringKeys: true,
  });
  const faults = [...document.errors, ...document.warnings].map((error) => {
    const { line, col } = lines.linePos(error.pos[0]);
    return { line, column: col, problem: plainWords(error.code, error.message) };
  });
  if (faults.length > 0) return { kind: "faults", faults };
  const budget = { nodes: NODES_MAX };
  const value = toPlain(document, document.contents, budget);
  if (budget.nodes < 0)
    return {
      kind: "faults",
      faults: [{ line: 1, column: 1, problem: "the file is too large, or its anchors and aliases repeat it without end" }],
    };
  const source: YamlSource = {
    file,
    value,
    locate: (path) => locate(document, lines, path),
    textOf: (path) => {
      const place = ownPlace(document, lines, text, path);
      return place === null ? null : text.slice(place.start, place.end).replaceAll(`\n${" ".repeat(place.indent)}`, "\n");
    },
    replaced: (path, block) => {
      const place = ownPlace(document, lines, text, path);
      if (place === null) return null;
      const indent = `\n${" ".repeat(place.indent)}`;
      // A block does not begin on the line of its key.
      const isBelow = place.isOnKeyLine && !block.startsWith("{");
      return `${text.slice(0, place.start)}${isBelow ? indent : ""}${block.replaceAll(/\n(?=.)/g, indent)}${text.slice(place.end)}`;
    },
    line: (number) => text.split("\n")[number - 1] ?? "",
  };
  return { kind: "read", source };
}

/** The uses of the environment in a text, in order. */
export function placeholdersOf(text: string): readonly Placeholder[] {
  return [...text.matchAll(READ)].map(([, name = ""]) =>
    name.startsWith("secret:") ? { kind: "secret", name: name.slice("secret:".length) } : { kind: "environment", name },
  );
}

/** The text with each placeholder replaced. `$` of the replacement has no meaning. */
export function fillPlaceholders(text: string, fill: (name: string) => string): string {
  return text.replaceAll(READ, (_, name: string) => fill(name));
}

function plainWords(code: string, message: string): string {
  const first = (message.split("\n")[0] ?? message).replaceAll(OPEN, "{").replaceAll(CLOSE, "}");
  switch (code) {
    case "DUPLICATE_KEY":
      return "the same key stands here twice";
    case "TAB_AS_INDENT":
      return "a tab indents this line, which YAML does not allow";
    case "NON_STRING_KEY":
      return "a key must be a text";
    default:
      return `this is no YAML: ${first.charAt(0).toLowerCase()}${first.slice(1)}`;
  }
}

/** Numbers as a person usually writes them. */
const PLAIN_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d*[1-9])?$/;

/** Keys, items and values of one file, aliases followed: far above any project, and it ends aliases that hold themselves. */
const NODES_MAX = 200_000;
/** Deeper than any key of a project. */
const DEPTH_MAX = 60;

function toPlain(document: Document, node: unknown, budget: { nodes: number }, depth = 0): unknown {
  budget.nodes -= depth > DEPTH_MAX ? NODES_MAX : 1;
  if (budget.nodes < 0) return null;
  if (isAlias(node)) return toPlain(document, node.resolve(document), budget, depth + 1);
  if (isMap(node))
    return Object.fromEntries(node.items.map((pair) => [keyText(pair.key), toPlain(document, pair.value, budget, depth + 1)]));
  if (isSeq(node)) return node.items.map((item) => toPlain(document, item, budget, depth + 1));
  if (!isScalar(node)) return null;
  const { value, source } = node;
  if (typeof value === "number" || typeof value === "bigint") return source !== undefined && !PLAIN_NUMBER.test(source) ? source : value;
  return value;
}

function keyText(key: unknown): string {
  return isScalar(key) ? (key.source ?? String(key.value)) : "";
}

function locate(document: Document, lines: LineCounter, path: KeyPath): Place {
  let node: unknown = document.contents;
  let offset = 0;
  for (const step of path) {
    const found = stepInto(document, node, step);
    if (found === null) break;
    offset = found.offset;
    node = found.node;
  }
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

/** Where the text of a value stands: from where to where, and how far in its lines begin. */
interface OwnPlace {
  readonly start: number;
  readonly end: number;
  readonly indent: number;
  readonly isOnKeyLine: boolean;
}

/** Where the value below a key stands, if nothing in it is named elsewhere or names what stands elsewhere. */
function ownPlace(document: Document, lines: LineCounter, text: string, path: KeyPath): OwnPlace | null {
  let node: unknown = document.contents;
  let keyOffset = 0;
  for (const step of path) {
    const found = isAlias(node) ? null : stepInto(document, node, step);
    if (found === null) return null;
    node = found.node;
    keyOffset = found.offset;
  }
  if (!isNode(node) || !node.range || !isOwn(node)) return null;
  const [start, end] = node.range;
  const [key, value] = [lines.linePos(keyOffset), lines.linePos(start)];
  const isOnKeyLine = key.line === value.line;
  const indent = isOnKeyLine ? key.col + 1 : value.col - 1;
  return { start, end: start + text.slice(start, end).trimEnd().length, indent, isOnKeyLine };
}

function isOwn(node: Node): boolean {
  let found = true;
  visit(node, {
    Alias: () => {
      found = false;
      return visit.BREAK;
    },
    Node: (_, inner) => {
      if ("anchor" in inner && inner.anchor !== undefined) found = false;
    },
  });
  return found;
}

function stepInto(
  document: Document,
  container: unknown,
  step: string | number,
): { readonly offset: number; readonly node: unknown } | null {
  const node: unknown = isAlias(container) ? container.resolve(document) : container;
  if (isMap(node)) {
    const pair = node.items.find((item) => keyText(item.key) === String(step));
    return pair === undefined ? null : { offset: offsetOf(pair.key), node: pair.value };
  }
  if (!isSeq(node) || typeof step !== "number") return null;
  const item = node.items[step];
  return item === undefined ? null : { offset: offsetOf(item), node: item };
}

function offsetOf(node: unknown): number {
  return (node as Node | null)?.range?.[0] ?? 0; // Every node of a parsed document has a range.
}
