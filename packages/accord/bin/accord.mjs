#!/usr/bin/env -S node --max-semi-space-size=16 --heap-growing-percent=60
// Starts Accord on Node 24. This file alone must run on an older Node: it finds the copy of Node 24 that npm installed beside it.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const nodeMajorMin = 24;
const packageFolder = join(dirname(fileURLToPath(import.meta.url)), "..");
const built = join(packageFolder, "dist", "main.js");
const source = join(packageFolder, "src", "main.ts");

/**
 * How V8 keeps its heap, left alone it takes far more memory: short-lived objects are collected in portions of so many MiB, and the heap grows by three fifths at most between collections. What runs
 * for months has small portions; what moves a million records has larger ones, since less of what it has at hand is then carried from one to the next. The first line says the same as `others`.
 */
const { run: heapOfRun, others: heapOfOthers } = createRequire(import.meta.url)("./heap.json");
const heap = process.argv.slice(2).includes("run") ? heapOfRun : heapOfOthers;

/** The arguments that start the program: its source in a checkout, so that no stale build runs; the built file once installed. */
const program = existsSync(source) ? ["--conditions=@accord/source", source] : [built];
const isNewEnough = Number(process.versions.node.split(".")[0]) >= nodeMajorMin;

if (isNewEnough && program.length === 1 && heap.every((option) => process.execArgv.includes(option))) {
  process.argv[1] = built;
  await import(pathToFileURL(built).href);
} else {
  const node = isNewEnough ? process.execPath : carriedNode();
  if (node === undefined) {
    process.stderr.write(
      `accord: needs Node ${nodeMajorMin} or newer, and this is Node ${process.versions.node}: install Node ${nodeMajorMin} and try again.\n`,
    );
    process.exitCode = 1;
  } else {
    run(node);
  }
}

/** The Node 24 that npm installed for this machine, or undefined where it offers none. */
function carriedNode() {
  const windows = process.platform === "win32";
  const name = `node-${windows ? "win" : process.platform}-${process.arch}`;
  try {
    const folder = dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));
    const file = join(folder, "bin", windows ? "node.exe" : "node");
    return existsSync(file) ? file : undefined;
  } catch {
    return undefined;
  }
}

/** Becomes `node`, or as nearly as a parent can: same terminal, signals passed on, same exit. */
function run(node) {
  const words = [...heap, ...program, ...process.argv.slice(2)];
  // Of another copy nobody knows whether it starts here, and Windows has nothing of the kind. https://nodejs.org/api/process.html#processexecvefile-args-env
  if (node === process.execPath && process.platform !== "win32" && process.execve !== undefined) {
    process.execve(node, [node, ...words], process.env);
  }
  const child = spawn(node, words, { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => {
    process.stderr.write(
      `accord: Node ${nodeMajorMin} at ${node} does not start (${error.code}): install Node ${nodeMajorMin} and try again.\n`,
    );
    process.exitCode = 1;
  });
  child.on("exit", (code, signal) => {
    process.exitCode = code ?? 128 + (constants.signals[signal] ?? 0);
  });
}
