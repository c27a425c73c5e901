/** How long a server may take until it accepts connections. Recovery after a kill under load has been seen to take seconds. */
export const startMsMax = 60_000;

/** Pause between two looks at postmaster.pid; a start takes 50 to 300 ms, so this adds little. */
export const readyPollMs = 15;

/** How often a start is repeated when the port found free was taken in between by another program. */
export const portAttemptsMax = 8;

/** How long the orphaned backends of a killed server may hold its shared memory before a new start gives up. */
export const orphanWaitMsMax = 10_000;

/** How long a stop may take before it is made harsher: fast, then immediate, then SIGKILL. */
export const stopStepMsMax = 15_000;

/** How long one statement of the launcher may take. CREATE DATABASE copies 8 MB and takes 30 to 100 ms. */
export const statementMsMax = 30_000;

/** How much of a log is read to explain a failure, in bytes. */
export const logTailBytes = 8_192;

/** How many lines of a program's output an error message quotes. */
export const quotedLinesMax = 3;
