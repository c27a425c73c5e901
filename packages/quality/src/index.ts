// types
export { emailType } from "./types/email.ts";
export { isPhoneRegion, phoneType } from "./types/phone.ts";
export type { PhoneRegion } from "./types/phone.ts";
export { qualityTypes } from "./types/quality-types.ts";
export type { QualityTypesOptions } from "./types/quality-types.ts";
