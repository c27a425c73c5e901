export type * from "./first-contact.ts";
export type * from "./rows.ts";
export type * from "./store.ts";
export { engineLost } from "./engine-lost.ts";
export { sidesChanged } from "./sides-changed.ts";
