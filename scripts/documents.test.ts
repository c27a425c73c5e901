import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

/** What the hand-written pages name is there: linked pages, files of the code, commands and their options. */

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const PAGES = [
  "README.md",
  "ARCHITECTURE.md",
  "CONTRIBUTING.md",
  ...markdownIn("docs/guide"),
  ...markdownIn("docs/decisions"),
  ...markdownIn("examples/two-databases"),
  ...markdownIn("examples/shop-and-erp"),
];
/** Folders in which a file may be named without the path before it. */
const HOMES = [
  "",
  "packages/",
  "packages/core/src/",
  "packages/engine/src/",
  "packages/engine/src/run/",
  "packages/connectors/src/",
  "packages/accord/src/",
];

function markdownIn(folder: string): string[] {
  return readdirSync(join(root, folder)).flatMap((name) => (name.endsWith(".md") ? [`${folder}/${name}`] : []));
}

function read(page: string): string {
  return readFileSync(join(root, page), "utf8");
}

test.each(PAGES)("%s: each link leads to a page", (page) => {
  const links = [...read(page).matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)].map(([, path = ""]) => path);
  const broken = links.filter((path) => !existsSync(join(root, dirname(page), path)));
  expect(broken).toEqual([]);
});

test.each(PAGES)("%s: each file that it names is there", (page) => {
  const named = [...read(page).matchAll(/`([\w@./-]+\/[\w./-]+\.(?:ts|mjs|md|yaml))`/g)].map(([, path = ""]) => path);
  const missing = named.filter((path) => !HOMES.some((home) => existsSync(join(root, home, path))));
  expect(missing).toEqual([]);
});

test.each(PAGES)("%s: each command that it types exists, with its options", (page) => {
  const reference = read("docs/reference/commands.md");
  const wrong = typedCommands(read(page)).filter(([command = "", ...words]) => {
    const at = reference.indexOf(`## accord ${command}\n`);
    if (at === -1) return true;
    const after = reference.slice(at + 1);
    // The section of a command and of the commands below it (`conflicts resolve`).
    const end = [...after.matchAll(/^## accord (\S+)/gm)].find(([, name]) => name !== command)?.index ?? after.length;
    const section = after.slice(0, end);
    return words.some((word) => /^--[a-z]/.test(word) && !section.includes(word) && !GLOBAL.includes(word));
  });
  expect(wrong).toEqual([]);
});

const GLOBAL = ["--file", "--json", "--verbose", "--no-color", "--help"];

/** Command lines in code blocks and in code within a sentence. */
function typedCommands(text: string): string[][] {
  const blocks = [...text.matchAll(/^(?:\$ )?(?:npm run )?accord (?:-- )?([a-z].*)$/gm)];
  const spans = [...text.matchAll(/`accord ([a-z][^`]*)`/g)];
  return [...blocks, ...spans].map(([, line = ""]) => (line.split("#")[0] ?? "").trim().split(/\s+/));
}
