/**
 * The system's own identifier of a record: the text of its key, or for a composite key the ordered tuple of key cells written as a native image
 * (cells escaped and separated by tabs). [S3] Unread by the engine; unique per object.
 */
export type RecordId = string & { readonly brand?: "RecordId" };

/** One real-world thing that the sides describe. A positive safe integer, unique within a store for ever: the store's generation × 2^36 + a sequence. [S58] */
export type EntityId = number & { readonly brand?: "EntityId" };

/** One intended write, unique for ever: the outcome proof at the target is found by it. [S27, S29] */
export type IntentId = string & { readonly brand?: "IntentId" };

/** The place of a side in its sync's declared order, from 0. The order matters where nothing else decides. */
export type SideIndex = number;

/** The place of a canonical field in its sync's declared order, from 0. */
export type FieldIndex = number;
