import type { Cursor } from "@accord/engine/connector";
import type { ConnectionRow } from "@accord/engine/store";
import type { Session } from "./session.ts";

export function readConnection(session: Session, connection: string): ConnectionRow | null {
  const row = session.first<[string | null, string | null, ConnectionRow["state"], string | null]>(
    "SELECT cursor, epoch, state, reason FROM connection WHERE name = ?",
    connection,
  );
  return row === undefined ? null : { connection, cursor: row[0], epoch: row[1], state: row[2], reason: row[3] };
}

export function writeConnection(session: Session, { connection, cursor, epoch, state, reason }: ConnectionRow): void {
  session.run(
    `INSERT INTO connection (name, cursor, epoch, state, reason) VALUES (?, ?, ?, ?, ?)
      ON CONFLICT (name) DO UPDATE SET cursor = excluded.cursor, epoch = excluded.epoch, state = excluded.state, reason = excluded.reason`,
    connection,
    cursor,
    epoch,
    state,
    reason,
  );
}

/** Moves a feed's cursor alone. */
export function writeCursor(session: Session, connection: string, cursor: Cursor): void {
  session.run(
    "INSERT INTO connection (name, cursor, state) VALUES (?, ?, 'active') ON CONFLICT (name) DO UPDATE SET cursor = excluded.cursor",
    connection,
    cursor,
  );
}
