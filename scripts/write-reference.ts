import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { referencePage } from "../packages/accord/src/config/schema/reference-page.ts";
import { commandsPage } from "./commands-page.ts";
import { formatted } from "./format-page.ts";

/** Writes docs/reference from the schema of the project file and the commands. write-reference.test.ts fails while a page is out of date. */
const folder = join(dirname(fileURLToPath(import.meta.url)), "..", "docs", "reference");
await mkdir(folder, { recursive: true });
for (const [name, text] of [
  ["project-file.md", referencePage()],
  ["commands.md", commandsPage()],
] as const) {
  const page = join(folder, name);
  await writeFile(page, await formatted(text, page));
}
