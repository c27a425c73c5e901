import { createCommandLine } from "@accord/testkit";
import type { CommandLine } from "@accord/testkit";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

/** A helpdesk whose agents write to customers and to one another, and the developers' tracker, which customers never see but where internal notes are not wanted either. */
const PROJECT = `version: 1
installation: desk
connections:
  desk: { connector: sqlite, file: desk.db }
  tracker: { connector: sqlite, file: tracker.db }
syncs:
  tickets:
    sides: { desk: { object: tickets }, tracker: { object: issues } }
    match: [[subject]]
    fields:
      subject: { type: text, desk: subject, tracker: title }
  comments:
    sides:
      desk: { object: comments }
      tracker: { object: notes, only: "visibility == 'public'" }
    match: [[ticket, author, body]]
    direction: append
    fields:
      ticket: { type: { ref: tickets }, desk: ticket_id, tracker: issue_id }
      author: { type: text, desk: author, tracker: author }
      body: { type: text, desk: body, tracker: text }
      visibility: { type: { enum: [public, internal] }, desk: { field: is_public, values: { public: 1, internal: 0 } }, tracker: kind }
  attachments:
    sides: { desk: { object: attachments }, tracker: { object: files } }
    direction: append
    match: [[comment, address]]
    fields:
      comment: { type: { ref: comments }, desk: comment_id, tracker: note_id }
      address: { type: text, desk: url, tracker: url }
      bytes: { type: integer, desk: size, tracker: size }
`;

let line: CommandLine;
let desk: DatabaseSync;
let tracker: DatabaseSync;

beforeEach(() => {
  line = createCommandLine();
  line.write("accord.yaml", PROJECT);
  desk = new DatabaseSync(line.path("desk.db"), { timeout: 10_000 });
  tracker = new DatabaseSync(line.path("tracker.db"), { timeout: 10_000 });
  desk.exec(`CREATE TABLE tickets (id INTEGER PRIMARY KEY AUTOINCREMENT, subject TEXT NOT NULL);
    CREATE TABLE comments (id INTEGER PRIMARY KEY AUTOINCREMENT, ticket_id INTEGER NOT NULL REFERENCES tickets, author TEXT, body TEXT NOT NULL, is_public INTEGER NOT NULL);
    CREATE TABLE attachments (id INTEGER PRIMARY KEY AUTOINCREMENT, comment_id INTEGER NOT NULL REFERENCES comments, url TEXT NOT NULL, size INTEGER);
    INSERT INTO tickets (subject) VALUES ('It does not start');
    INSERT INTO comments (ticket_id, author, body, is_public) VALUES (1, 'Ann', 'It says E42', 1), (1, 'Sam', 'Premium customer!', 0)`);
  tracker.exec(`CREATE TABLE issues (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL);
    CREATE TABLE notes (id INTEGER PRIMARY KEY AUTOINCREMENT, issue_id INTEGER NOT NULL REFERENCES issues, author TEXT, text TEXT NOT NULL, kind TEXT NOT NULL);
    CREATE TABLE files (id INTEGER PRIMARY KEY AUTOINCREMENT, note_id INTEGER NOT NULL REFERENCES notes, url TEXT NOT NULL, size INTEGER);
    INSERT INTO issues (title) VALUES ('Older'), ('It does not start');
    INSERT INTO notes (issue_id, author, text, kind) VALUES (2, 'Ann', 'It says E42', 'public')`);
});
afterEach(async () => {
  desk.close();
  tracker.close();
  await line.remove();
});

function bodies(database: DatabaseSync, sql: string): readonly string[] {
  return database
    .prepare(sql)
    .all()
    .map((row) => Object.values(row).join(" "));
}

const NOTES = "SELECT i.title, n.author, n.text FROM notes n JOIN issues i ON i.id = n.issue_id ORDER BY n.id";
const FILES = "SELECT n.text, f.url, f.size FROM files f JOIN notes n ON n.id = f.note_id ORDER BY f.id";

async function shows(database: DatabaseSync, sql: string, expected: readonly string[]): Promise<void> {
  for (let tries = 0; tries < 400 && bodies(database, sql).join("\n") !== expected.join("\n"); tries += 1) await sleep(50);
  expect(bodies(database, sql)).toEqual(expected);
}

async function done(...words: string[]): Promise<string> {
  const { code, out, error } = await line.run(words);
  expect([code, error]).toEqual([0, ""]);
  return out;
}

describe("comments of tickets and issues", () => {
  test("[S61] [S44] those of both are linked once and each new one is added at the other side; internal ones stay; nothing is rewritten", async () => {
    await done("install");
    await done("apply", "--yes");
    const same = "It does not start Ann It says E42";
    expect(bodies(tracker, NOTES)).toEqual([same]);
    // Tickets are no comments: the tracker's older issue has come to the desk.
    expect(bodies(desk, "SELECT subject FROM tickets ORDER BY id")).toEqual(["It does not start", "Older"]);

    const run = line.start(["run"]);
    await run.waitFor("Running");
    desk.exec(
      `INSERT INTO comments (ticket_id, author, body, is_public) VALUES (1, 'Sam', 'Please restart', 1), (1, 'Sam', 'He is angry', 0)`,
    );
    desk.exec(
      `INSERT INTO attachments (comment_id, url, size) VALUES (3, 'https://files.example/log.txt', 4711), (4, 'https://files.example/secret.txt', 1)`,
    );
    tracker.exec(`INSERT INTO notes (issue_id, author, text, kind) VALUES (2, 'Dev', 'Fixed in 2.1', 'public')`);
    const added = [same, "It does not start Dev Fixed in 2.1", "It does not start Sam Please restart"];
    await shows(tracker, NOTES.replace("ORDER BY n.id", "ORDER BY n.author, n.text"), added);
    await shows(tracker, FILES, ["Please restart https://files.example/log.txt 4711"]);
    await shows(desk, "SELECT author, body, is_public FROM comments WHERE author = 'Dev'", ["Dev Fixed in 2.1 1"]);

    // What is corrected or deleted at one side is not touched at the other; what is made public goes.
    desk.exec(`UPDATE comments SET body = 'Please restart it' WHERE body = 'Please restart'; DELETE FROM comments WHERE author = 'Ann'`);
    desk.exec(`UPDATE comments SET is_public = 1, body = 'He waits' WHERE body = 'He is angry'`);
    tracker.exec("UPDATE notes SET text = 'Please restart!' WHERE text = 'Please restart'");
    await shows(tracker, "SELECT text FROM notes ORDER BY text", ["Fixed in 2.1", "He waits", "It says E42", "Please restart!"]);
    await shows(tracker, FILES, ["Please restart! https://files.example/log.txt 4711", "He waits https://files.example/secret.txt 1"]);
    run.child.kill("SIGINT");
    expect((await run.ended).code).toBe(0);

    expect(bodies(desk, "SELECT body FROM comments WHERE id = 3")).toEqual(["Please restart it"]);
    expect(await done("verify")).toContain("The sides agree");
    expect(bodies(desk, "SELECT body FROM comments WHERE author = 'Ann'")).toEqual([]);
    expect(await done("plan")).toContain("nothing needs to be: the sides agree");
    expect(await done("history", "comments", "desk:3")).toContain('tracker changed body to "Please restart!"; it is left there');
  });

  test("[S61] rules for edits, and a choice of what is added where nothing is, are mistakes of the file", async () => {
    line.write("accord.yaml", PROJECT.replace("body: { type: text,", "body: { type: text, policy: review,"));
    const refused = await line.run(["check"]);
    expect(refused.code).toBe(2);
    expect(refused.error).toContain("the sync appends: its records are made everywhere once, and no edit of them is carried");
    line.write("accord.yaml", PROJECT.replace("    direction: append\n", ""));
    const chosen = await line.run(["check"]);
    expect(chosen.code).toBe(2);
    expect(chosen.error).toContain("only: chooses what is added once");
    line.write("accord.yaml", PROJECT.replace("visibility == 'public'", "visbility == 'public'"));
    const unknown = await line.run(["check"]);
    expect(unknown.code).toBe(2);
    expect(unknown.error).toContain("visbility");
  });
});
