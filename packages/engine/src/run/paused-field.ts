/** The code of a due write that waits because nothing is owed but fields that are paused at its side. [S50] */
export const FIELD_PAUSED = "ACCORD_FIELD_PAUSED";
