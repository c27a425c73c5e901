import { AccordError } from "@accord/engine/connector";
import type { CallOptions, Connection } from "@accord/engine/connector";
import type { ConnectionCheck } from "./check-json.ts";
import { guaranteeOf } from "./readiness.ts";

/** Reaches one system; a failure is a finding, so that the other systems are checked too. */
export async function checkConnection(connection: Connection, objects: readonly string[], options: CallOptions): Promise<ConnectionCheck> {
  try {
    const report = await connection.check(objects, options);
    return {
      connection: connection.name,
      system: report.system,
      failure: null,
      objects: report.objects.map(({ object, capabilities, notes }) => ({
        object,
        guarantee: guaranteeOf(capabilities),
        capture: capabilities.capture,
        notes,
      })),
      problems: report.problems,
    };
  } catch (error) {
    if (!(error instanceof AccordError) || error.code === "ACCORD_CANCELLED") throw error;
    return { connection: connection.name, system: null, failure: { code: error.code, message: error.message }, objects: [], problems: [] };
  }
}
