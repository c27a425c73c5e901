import colors from "picocolors";
import type { Terminal } from "./program.ts";

/** How one command speaks: sentences and tables for people, or one JSON document for programs. Progress goes to a terminal only. */
export interface Output {
  readonly isJson: boolean;
  /** A line for people; nothing with `--json`. */
  readonly line: (text?: string) => void;
  /** Rows under headings, as wide as their content; nothing with `--json`. */
  readonly table: (headings: readonly string[], rows: readonly (readonly string[])[]) => void;
  /** The command's whole result; only with `--json`, and once. */
  readonly json: (value: unknown) => void;
  /** A remark beside the result, on the error stream: a warning, what happens now. */
  readonly remark: (text: string) => void;
  /** What a failure is: `error ACCORD_UNREACHABLE: …` */
  readonly failure: (code: string, message: string) => void;
  /** The present state of something long, over the last one; nothing in a pipe. */
  readonly progress: (text: string) => void;
  readonly paint: Paint;
}

export interface Paint {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly warn: (text: string) => string;
}

export function createOutput(terminal: Terminal, options: { readonly isJson: boolean; readonly hasColors: boolean }): Output {
  const { isJson } = options;
  const painter = colors.createColors(options.hasColors);
  let hasProgress = false;
  const clearProgress = (): void => {
    if (hasProgress) terminal.error("\r\u001b[2K");
    hasProgress = false;
  };
  const line = (text = ""): void => {
    if (isJson) return;
    clearProgress();
    terminal.out(`${text}\n`);
  };
  return {
    isJson,
    line,
    table: (headings, rows) => {
      for (const text of tableLines(headings, rows, painter.bold)) line(text);
    },
    json: (value) => {
      clearProgress();
      if (isJson) terminal.out(`${JSON.stringify(value, null, 2)}\n`);
    },
    remark: (text) => {
      clearProgress();
      terminal.error(`${text}\n`);
    },
    failure: (code, message) => {
      clearProgress();
      terminal.error(`${painter.red("error")} ${code}: ${oneLine(message)}\n`);
      if (isJson) terminal.out(`${JSON.stringify({ error: { code, message: oneLine(message) } })}\n`);
    },
    progress: (text) => {
      if (!terminal.isErrorTty) return;
      clearProgress();
      terminal.error(text.slice(0, Math.max(10, terminal.width - 1)));
      hasProgress = true;
    },
    paint: { bold: painter.bold, dim: painter.dim, good: painter.green, bad: painter.red, warn: painter.yellow },
  };
}

/** Texts of systems may span lines; a failure is one line. */
function oneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, " ").trim();
}

function tableLines(headings: readonly string[], rows: readonly (readonly string[])[], paint: (text: string) => string): string[] {
  const widths = headings.map((heading, column) =>
    rows.reduce((width, row) => Math.max(width, (row[column] ?? "").length), heading.length),
  );
  const lay = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => (isFigure(rows, column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)))
      .join("  ")
      .trimEnd();
  return [paint(lay(headings)), ...rows.map((row) => lay(headings.map((_, column) => row[column] ?? "")))];
}

/** Whether a column holds figures alone: those align to the right. */
function isFigure(rows: readonly (readonly string[])[], column: number): boolean {
  return rows.length > 0 && rows.every((row) => /^[\d ,.]*%?$/.test(row[column] ?? ""));
}

/** What stands in the place of a personal value unless `--show-values` is given. */
export const MASK = "•••";

/** A canonical value for people: null and unknown are named, long texts are cut, sensitive ones masked. */
export function showValue(value: string | null | undefined, isMasked: boolean): string {
  if (value === undefined) return "(unknown)";
  if (value === null) return "(empty)";
  if (isMasked || value === MASK) return MASK;
  const text = JSON.stringify(value);
  return text.length > VALUE_LENGTH_MAX ? `${text.slice(0, VALUE_LENGTH_MAX - 1)}…` : text;
}

/** Characters of one value in a listing. */
const VALUE_LENGTH_MAX = 60;

/** `3 records`, `1 record`, `12 000 records`. Of a whole number; without the locales of the platform, which take longer to load than most commands to run. */
export function count(figure: number, singular: string, plural = `${singular}s`): string {
  return `${String(figure).replaceAll(/\B(?=(?:\d{3})+$)/g, " ")} ${figure === 1 ? singular : plural}`;
}

/** A length of time for people: `3 s`, `12 min`, `2 h`, `4 d`. */
export function showDuration(durationMs: number): string {
  if (durationMs < 1_000) return `${Math.max(0, Math.round(durationMs))} ms`;
  if (durationMs < 120_000) return `${Math.round(durationMs / 1_000)} s`;
  if (durationMs < 7_200_000) return `${Math.round(durationMs / 60_000)} min`;
  if (durationMs < 172_800_000) return `${Math.round(durationMs / 3_600_000)} h`;
  return `${Math.round(durationMs / 86_400_000)} d`;
}

/** A size for people: `3.1 MB`. */
export function showBytes(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${(bytes / 1_000).toFixed(1)} kB`;
  if (bytes < 1_000_000_000) return `${(bytes / 1_000_000).toFixed(1)} MB`;
  return `${(bytes / 1_000_000_000).toFixed(1)} GB`;
}
