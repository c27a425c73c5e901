import { initial } from "./001-initial.ts";

/** Every migration in order; the format of a store is how many of them it has seen. Never edited once released: the next change is the next number. */
export const MIGRATIONS: readonly string[] = [initial];
