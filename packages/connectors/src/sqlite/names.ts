/** Names of what `install` makes in the user's file, marked with the installation so that two projects on one file stay apart. */
export interface InstalledNames {
  /** One row per touched record: what the feed reads. */
  readonly touched: string;
  /** Which objects are followed, their numbers in the log, and since when. */
  readonly followed: string;
  /** Proof rows: which intent and entity a record was last written for. [S27] */
  readonly applied: string;
  /** One row: the store that writes here, the source's epoch, the log's beat. [S58, S12] */
  readonly mark: string;
  /** Begins the name of every trigger. */
  readonly triggerPrefix: string;
}

export function namesOf(installation: string): InstalledNames {
  return {
    touched: `accord_touched_${installation}`,
    followed: `accord_followed_${installation}`,
    applied: `accord_applied_${installation}`,
    mark: `accord_mark_${installation}`,
    triggerPrefix: `accord_trigger_${installation}_`,
  };
}

/** Whether a table is Accord's own, of any installation. */
export function isAccordTable(name: string): boolean {
  return /^accord_(touched|followed|applied|mark)_[a-z0-9_]{1,24}$/.test(name);
}

/** A name as SQL takes it, whatever characters are in it. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text as an SQL literal. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
