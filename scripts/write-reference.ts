import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { referencePage } from "../packages/accord/src/config/schema/reference-page.ts";
import { formatted } from "./format-page.ts";

/** Writes docs/reference/project-file.md from the schema of the project file. write-reference.test.ts fails while the page is out of date. */
const page = join(dirname(fileURLToPath(import.meta.url)), "..", "docs", "reference", "project-file.md");
await mkdir(dirname(page), { recursive: true });
await writeFile(page, await formatted(referencePage(), page));
