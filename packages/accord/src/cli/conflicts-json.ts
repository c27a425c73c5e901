/** What `accord conflicts --json` and `accord conflicts show --json` print. Sensitive values are masked unless `--show-values`. */
export interface ConflictsJson {
  readonly open: number;
  readonly conflicts: readonly OpenConflict[];
}

/** What `accord conflicts resolve --json` prints. */
export interface ResolvedJson {
  readonly id: string;
  readonly run: number;
  /** Whether the conflict is closed now. False: see `reason`. */
  readonly resolved: boolean;
  readonly reason: string | null;
}

/** Something that a person has to decide. `id` names it on the command line. */
export type OpenConflict =
  /** Both sides changed a field, and its policy leaves it to a person. [S23] */
  | {
      readonly kind: "field";
      readonly id: string;
      readonly sync: string;
      readonly entity: number;
      readonly field: string;
      readonly openedAtMs: number;
      readonly reason: string;
      /** What each side holds, by side: the canonical value where the side has shown nothing else. */
      readonly values: readonly { readonly side: string; readonly record: string | null; readonly value: string | null | undefined }[];
      readonly isSensitive: boolean;
    }
  /** A record was deleted at one side and changed at another. [S38] */
  | {
      readonly kind: "delete";
      readonly id: string;
      readonly sync: string;
      readonly entity: number;
      readonly openedAtMs: number;
      readonly reason: string;
      readonly records: readonly { readonly side: string; readonly record: string | null; readonly state: string }[];
    }
  /** A record that may belong to several entities, or competes for one. [S36] */
  | {
      readonly kind: "match";
      readonly id: string;
      readonly sync: string;
      readonly side: string;
      readonly record: string;
      readonly openedAtMs: number;
      readonly reason: string;
      /** Entities that it may belong to, each with its records. */
      readonly candidates: readonly { readonly entity: number; readonly records: readonly string[] }[];
    };
