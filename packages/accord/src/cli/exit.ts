/** What a command's end means to scripts. */
export const EXIT = {
  /** What was asked for is done. */
  done: 0,
  /** It failed; the error line says why. */
  failed: 1,
  /** Wrong usage, or a project file that cannot be used. */
  usage: 2,
  /** There is something to do: the plan has changes, `verify` found differences, a guard waits for approval. */
  todo: 3,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
