import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { referencePage } from "../packages/accord/src/config/schema/reference-page.ts";
import { commandsPage } from "./commands-page.ts";
import { formatted } from "./format-page.ts";

const folder = join(dirname(fileURLToPath(import.meta.url)), "..", "docs", "reference");

test("docs/reference/project-file.md is what the schema says: run scripts/write-reference.ts after a change", async () => {
  const page = join(folder, "project-file.md");
  expect(await readFile(page, "utf8")).toBe(await formatted(referencePage(), page));
});

test("docs/reference/commands.md is what the commands say: run scripts/write-reference.ts after a change", async () => {
  const page = join(folder, "commands.md");
  expect(await readFile(page, "utf8")).toBe(await formatted(commandsPage(), page));
});

test("every command has an example in its help", () => {
  const sections = commandsPage().split(/^## /m).slice(1);
  expect(sections.length).toBeGreaterThan(15);
  expect(sections.filter((section) => !/^Examples?:|^Commands:/m.test(section)).map((section) => section.split("\n")[0])).toEqual([]);
});
