export { startPostgres } from "./start-postgres.ts";
export type { PostgresOptions, PostgresServer } from "./start-postgres.ts";
export { usableDataDirectory } from "./data-directory.ts";
export { PostgresError } from "./errors.ts";
export type { PostgresErrorCode } from "./errors.ts";
export { openPostgresClient } from "./client.ts";
export type { PostgresClient, StatementResult } from "./client.ts";
