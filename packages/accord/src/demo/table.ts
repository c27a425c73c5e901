/** A cell longer than this is cut. */
const CELL_MAX = 56;

/** Rows under headings and a rule, as a database's command line shows them. Null is shown as nothing would be: `∅`. */
export function tableLines(columns: readonly string[], rows: readonly (readonly (string | null)[])[]): string[] {
  const texts = rows.map((row) => columns.map((_, column) => cut(row[column] ?? "∅")));
  const widths = columns.map((heading, column) => Math.max(heading.length, ...texts.map((row) => row[column]?.length ?? 0)));
  const lay = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join(" │ ")
      .trimEnd();
  return [lay(columns), widths.map((width) => "─".repeat(width)).join("─┼─"), ...texts.map(lay)];
}

function cut(text: string): string {
  return text.length > CELL_MAX ? `${text.slice(0, CELL_MAX - 1)}…` : text;
}
