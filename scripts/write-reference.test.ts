import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { referencePage } from "../packages/accord/src/config/schema/reference-page.ts";
import { formatted } from "./format-page.ts";

test("docs/reference/project-file.md is what the schema says: run scripts/write-reference.ts after a change", async () => {
  const page = join(dirname(fileURLToPath(import.meta.url)), "..", "docs", "reference", "project-file.md");
  expect(await readFile(page, "utf8")).toBe(await formatted(referencePage(), page));
});
