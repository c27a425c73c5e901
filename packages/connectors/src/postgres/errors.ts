import { AccordError } from "@accord/engine/connector";

/** What PostgreSQL says of a failure, as far as it may be shown: DETAIL holds field values and is left behind. */
export interface ServerFailure {
  /** SQLSTATE, five characters. */
  readonly code: string;
  readonly message: string;
  readonly schema: string | null;
  readonly table: string | null;
  readonly column: string | null;
  readonly constraint: string | null;
  /** The C function that complained; unlike the message it is never translated. */
  readonly routine: string | null;
  /** Whether it ended the session, or kept it from beginning. */
  readonly isFatal: boolean;
  /** Whether it was raised inside a function: a trigger's, as a rule. */
  readonly inFunction: boolean;
}

/** The server's own account of a failure, or null where it is not from the server (a broken socket, a bug). */
export function serverFailure(error: unknown): ServerFailure | null {
  if (!(error instanceof Error) || !("code" in error) || !("severity" in error)) return null;
  const code = String(error.code);
  const field = (name: string): string | null => {
    const value: unknown = Reflect.get(error, name);
    return typeof value === "string" && value !== "" ? value : null;
  };
  return {
    code,
    message: withoutValues(code, error.message),
    schema: field("schema"),
    table: field("table"),
    column: field("column"),
    constraint: field("constraint"),
    routine: field("routine"),
    isFatal: error.severity === "FATAL",
    inFunction: field("where")?.includes("function") ?? false,
  };
}

/** Messages of class 22 end with the offending text in quotes: `invalid input syntax for type integer: "abc"`. */
function withoutValues(code: string, message: string): string {
  return code.startsWith("22") ? message.replace(/:? ".*"/s, "") : message;
}

/**
 * Any failure of a call as an {@link AccordError}. Sources: PostgreSQL appendix A (error codes), Node's system errors.
 *
 * ACCORD_CANCELLED the signal · ACCORD_AUTH_REJECTED 28xxx · ACCORD_FORBIDDEN 42501, 25006 · ACCORD_OBJECT_MISSING 42P01, 42703, 3F000, 3D000 ·
 * ACCORD_UNREACHABLE everything that time may heal: sockets, timeouts, 08, 40, 53, 57
 */
export function asAccordError(error: unknown, where: string): AccordError {
  if (error instanceof AccordError) return error;
  const failure = serverFailure(error);
  if (failure === null) return fromSocket(error, where);
  const { code, message } = failure;
  const facts = { cause: error, where };
  if (code.startsWith("28")) {
    return new AccordError(
      "ACCORD_AUTH_REJECTED",
      `${where} refused the login (${message}): check the user and password of this connection, and pg_hba.conf at the server.`,
      {
        ...facts,
        remedy: "reauthorize",
      },
    );
  }
  if (code === "42501" || code === "25006") {
    const remedy = code === "25006" ? "connect to the primary server" : "grant the right to the role of this connection";
    return new AccordError("ACCORD_FORBIDDEN", `${where} refused the request (${message}): ${remedy}.`, { ...facts, remedy: "stop" });
  }
  if (code === "3D000" || code === "42P01" || code === "42703" || code === "3F000") {
    return new AccordError(
      "ACCORD_OBJECT_MISSING",
      `${where} lacks what was asked for (${message}): check the names in the configuration, or whether it was dropped or renamed.`,
      {
        ...facts,
        remedy: "stop",
      },
    );
  }
  if (failure.isFatal || /^(08|40|53|57|55P03)/.test(code)) {
    return new AccordError(
      "ACCORD_UNREACHABLE",
      `${where} could not serve the request now (${message}, SQLSTATE ${code}): it is tried again.`,
      { ...facts, remedy: "retry" },
    );
  }
  return new AccordError("ACCORD_REFUSED", `${where} refused the request (${message}, SQLSTATE ${code}).`, { ...facts, remedy: "stop" });
}

/** @throws {AccordError} ACCORD_CANCELLED where the signal was aborted. */
export function throwIfCancelled(signal: AbortSignal, where: string): void {
  if (signal.aborted) throw cancelled(where);
}

export function cancelled(where: string): AccordError {
  return new AccordError("ACCORD_CANCELLED", `The request to ${where} was cancelled.`, { remedy: "stop", where });
}

function fromSocket(error: unknown, where: string): AccordError {
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const facts = { cause: error, where, remedy: "retry" } as const;
  if (message.includes("does not support SSL")) {
    return new AccordError(
      "ACCORD_UNREACHABLE",
      `${where} offers no TLS, and Accord does not talk to another machine in the clear unasked: turn ssl on at the server, or set \`tls: off\` for this connection.`,
      facts,
    );
  }
  if (/CERT|ERR_TLS|SELF_SIGNED|UNABLE_TO_/.test(code)) {
    return new AccordError(
      "ACCORD_UNREACHABLE",
      `The certificate of ${where} was not accepted (${code}): name the authority that signed it with \`tls: { ca: file }\`, or lower the check with \`tls: verify-ca\` or \`tls: require\`.`,
      facts,
    );
  }
  return new AccordError(
    "ACCORD_UNREACHABLE",
    `${where} cannot be reached (${code === "" ? message : code}): check that the server runs and that host and port are right.`,
    facts,
  );
}
