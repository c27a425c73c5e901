import type { ValueType } from "@accord/core";
import { emailType } from "./email.ts";
import { phoneType } from "./phone.ts";
import type { PhoneRegion } from "./phone.ts";

export interface QualityTypesOptions {
  /** The region of telephone numbers without a country code, or null where none can be assumed. */
  readonly defaultRegion: PhoneRegion | null;
}

/** The semantic types, by the name that accord.yaml gives them, to stand beside core's exact ones. */
export function qualityTypes({ defaultRegion }: QualityTypesOptions): ReadonlyMap<string, ValueType> {
  return new Map([
    ["email", emailType],
    ["phone", phoneType(defaultRegion)],
  ]);
}
