export type * from "./first-contact.ts";
export type * from "./rows.ts";
export type * from "./store.ts";
export { engineLost } from "./engine-lost.ts";
export { isNameKey, nameKey } from "./name-key.ts";
export { sidesChanged } from "./sides-changed.ts";
