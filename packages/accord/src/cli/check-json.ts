import type { GuaranteeLevel, ReportLine } from "@accord/engine/connector";

/** What `accord check --json` prints. */
export interface CheckJson {
  readonly file: string;
  readonly installation: string;
  readonly connections: readonly ConnectionCheck[];
  /** What is wrong with the project file; each ends the check with exit code 2. */
  readonly problems: readonly {
    readonly line: number;
    readonly column: number;
    readonly path: string;
    readonly problem: string;
    readonly remedy: string;
  }[];
  /** Fields that are paused where a system shows them no more, or as of another type than was planned; with one of them the check ends with exit code 3. [S50] */
  readonly paused: readonly {
    readonly sync: string;
    readonly side: string;
    readonly field: string;
    readonly problem: string;
    readonly remedy: string;
    /** The line of the project file as it is, and as it would fit what is there now; null where no one line does. */
    readonly patch: { readonly line: number; readonly from: string; readonly to: string } | null;
  }[];
  /** What is allowed and worth knowing: lossy and unmapped fields, policies that only break ties. */
  readonly notes: readonly string[];
}

export interface ConnectionCheck {
  readonly connection: string;
  /** For instance `PostgreSQL 18.1, database shop, user accord`; null where it cannot be reached. */
  readonly system: string | null;
  /** Why it cannot be used, with what to do. */
  readonly failure: { readonly code: string; readonly message: string } | null;
  readonly objects: readonly {
    readonly object: string;
    readonly guarantee: GuaranteeLevel;
    readonly capture: "log" | "touched" | "sweep";
    readonly notes: readonly ReportLine[];
  }[];
  readonly problems: readonly ReportLine[];
}
