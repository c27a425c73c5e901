import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const BIN = join(import.meta.dirname, "..", "bin");
const PROGRAM = join(BIN, "accord.mjs");
/** Lets each process that the program becomes say how it was started. */
const TELLS = "--import=data:text/javascript,process.stderr.write(process.execArgv.join(String.fromCharCode(32))+String.fromCharCode(10))";

function heap(): Readonly<Record<"run" | "others", readonly string[]>> {
  // Ours, and read by plain JavaScript.
  return JSON.parse(readFileSync(join(BIN, "heap.json"), "utf8")) as ReturnType<typeof heap>;
}

test("the first line of the program starts node as heap.json says", () => {
  expect(readFileSync(PROGRAM, "utf8").split("\n")[0]).toBe(`#!/usr/bin/env -S node ${heap().others.join(" ")}`);
});

test.each([
  [["--version"], "others"],
  [["run", "--help"], "run"],
] as const)("accord %s runs with the heap of its kind, whoever started it, and ends well", (words, kind) => {
  const env = { ...process.env, NODE_OPTIONS: TELLS };
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...words], { encoding: "utf8", env });
  expect(stdout).not.toBe("");
  expect(stderr.trim().split("\n").at(-1)).toContain(heap()[kind].join(" "));
  expect(status).toBe(0);
});
