import { AccordError } from "@accord/engine/connector";
import type { ConnectContext, Connection, ConnectionSettings, Connector } from "@accord/engine/connector";
import { currentCursor, followChanges } from "./capture.ts";
import { readCatalog } from "./catalog.ts";
import { checkConnection } from "./check.ts";
import { createDatabase } from "./client.ts";
import { schemaOf } from "./discover.ts";
import { readEpoch, readMark, writeMark } from "./epoch.ts";
import { install, uninstall } from "./install.ts";
import type { CaptureAccess } from "./log-slot.ts";
import { namesOf } from "./names.ts";
import { openObject } from "./open-object.ts";
import { readSettings, withinLease } from "./settings.ts";
import { readStanding } from "./standing.ts";

/** Databases of PostgreSQL 13 and later: changes from the log, writes under compare-and-set with proof in the same transaction (G3). */
export const postgresConnector: Connector = {
  name: "postgres",
  checkSettings: (settings) => readSettings(settings).problems,
  connect,
};

/** @throws {AccordError} ACCORD_CONFIGURATION where the settings have problems */
function connect(settings: ConnectionSettings, context: ConnectContext): Connection {
  const { value, problems } = readSettings(settings);
  const [problem] = problems;
  if (problem !== undefined) {
    throw new AccordError(
      "ACCORD_CONFIGURATION",
      `In connection "${context.name}", \`${problem.key}\` ${problem.problem}: ${problem.remedy}.`,
      {
        remedy: "stop",
        where: context.name,
      },
    );
  }
  const database = createDatabase(context.name, withinLease(value, context.requestMsMax));
  const access: CaptureAccess = { database, names: namesOf(context.installation, value.database), clock: context.clock, log: context.log };
  return {
    name: context.name,
    check: (objects, options) => checkConnection(access, objects, options),
    discover: async (options) => (await readCatalog(database, access.names.schema, null, options)).map(schemaOf),
    open: (object, columns, options) => openObject(access, object, columns, options),
    install: (objects, mode, options) => install(access, objects, mode, options),
    uninstall: (mode, options) => uninstall(access, mode, options),
    epoch: (options) => readEpoch(access, options),
    follow: (objects, cursor, options) => followChanges(access, objects, cursor, options),
    currentCursor: (options) => currentCursor(access, options),
    standing: (cursor, options) => readStanding(access, cursor, options),
    readMark: (options) => readMark(access, options),
    writeMark: (mark, options) => writeMark(access, mark, options),
    close: () => database.close(),
  };
}
