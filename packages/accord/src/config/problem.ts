/** Something wrong with the project file, placed where it stands and with what would be right. Never holds a value of the environment. */
export interface ConfigurationProblem {
  /** The file as the caller named it. */
  readonly file: string;
  /** Counted from 1, both. */
  readonly line: number;
  readonly column: number;
  /** The key path: `syncs.customers.fields.email`. Empty where the file as a whole is meant. */
  readonly path: string;
  readonly problem: string;
  readonly remedy: string;
}

/** Something that is allowed and that a person should know: a lossy field, a column that nothing maps. */
export interface ConfigurationNote {
  readonly kind: "unmapped" | "lossy" | "read-only" | "ignored-nothing" | "one-sided" | "match" | "reference" | "shared";
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly path: string;
  readonly note: string;
}

/** The problem as one line: `accord.yaml:12:7: syncs.customers.polcy: is not a key here; did you mean policy?` */
export function formatProblem(problem: ConfigurationProblem): string {
  return `${formatPlace(problem)}: ${problem.problem}; ${problem.remedy}`;
}

/** The note as one line. */
export function formatNote(note: ConfigurationNote): string {
  return `${formatPlace(note)}: ${note.note}`;
}

function formatPlace(place: Pick<ConfigurationProblem, "file" | "line" | "column" | "path">): string {
  const at = `${place.file}:${place.line.toString()}:${place.column.toString()}`;
  return place.path === "" ? at : `${at}: ${place.path}`;
}
