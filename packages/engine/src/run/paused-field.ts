import type { SideModel } from "@accord/core";

/** The code of a due write that waits because nothing is owed but fields that are paused at its side. [S50] */
export const FIELD_PAUSED = "ACCORD_FIELD_PAUSED";

/** Whether some field cannot be read or written at a side now. [S50] */
export function hasPausedField({ mapping }: SideModel): boolean {
  return mapping.fields.some((field) => field?.paused !== undefined);
}
