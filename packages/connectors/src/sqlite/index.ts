export { sqliteConnector } from "./connector.ts";
