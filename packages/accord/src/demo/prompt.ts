import { createInterface } from "node:readline/promises";
import type { Writable } from "node:stream";
import type { SystemClient } from "./clients.ts";
import { tableLines } from "./table.ts";

/** Runs statements at a system and prints their answers. Returns whether all went well. */
export async function runStatements(client: SystemClient, statements: string, print: (line: string) => void): Promise<boolean> {
  try {
    for (const { columns, rows, tag } of await client.run(statements)) {
      if (columns.length > 0) for (const line of tableLines(columns, rows)) print(line);
      print(columns.length > 0 ? `(${rows.length} ${rows.length === 1 ? "row" : "rows"})` : tag);
    }
    return true;
  } catch (error) {
    print(error instanceof Error ? error.message : String(error));
    return false;
  }
}

/** A prompt for statements, one a line or up to a semicolon, until the input ends, `exit`, or the signal. From a pipe statements are read without prompting. */
export async function promptLoop(
  client: SystemClient,
  input: NodeJS.ReadStream,
  output: Writable,
  print: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const lines = createInterface({ input, output, terminal: input.isTTY, prompt: `${client.name}> `, signal });
  const prompt = (isBegun: boolean): void => {
    if (!input.isTTY) return;
    lines.setPrompt(isBegun ? "...> " : `${client.name}> `);
    lines.prompt();
  };
  let statement = "";
  prompt(false);
  try {
    for await (const line of lines) {
      if (statement === "" && /^\s*(exit|quit|\\q)\s*;?\s*$/i.test(line)) return;
      statement = `${statement}${line}\n`;
      if (isWhole(statement)) {
        if (statement.trim() !== "") await runStatements(client, statement, print);
        statement = "";
      }
      prompt(statement !== "");
    }
    if (statement.trim() !== "") await runStatements(client, statement, print);
  } finally {
    lines.close();
  }
}

/** Whether a text is to be run: it ends with a semicolon, or begins with nothing that could go on. */
function isWhole(statement: string): boolean {
  return /;\s*$/.test(statement) || !/^\s*(select|insert|update|delete|with|create|alter|drop|begin)\b/i.test(statement);
}
