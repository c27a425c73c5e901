import { AccordError, type Connector } from "@accord/engine/connector";
import { SqliteConnection } from "./connection.ts";
import { checkSqliteSettings, readSqliteSettings } from "./settings.ts";

/** Keeps a table of a user's SQLite file in agreement, through `node:sqlite`. See README.md beside this file for its quirks. */
export const sqliteConnector: Connector = {
  name: "sqlite",
  checkSettings: checkSqliteSettings,
  connect: (settings, context) => {
    const [problem] = checkSqliteSettings(settings);
    if (problem !== undefined) {
      throw new AccordError(
        "ACCORD_SETTINGS_INVALID",
        `connections.${context.name}.${problem.key} ${problem.problem}: ${problem.remedy}.`,
        {
          remedy: "stop",
          where: context.name,
        },
      );
    }
    return new SqliteConnection(readSqliteSettings(settings), context);
  },
};
