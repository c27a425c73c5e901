#!/usr/bin/env -S node --max-semi-space-size=8 --heap-growing-percent=60
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

/** Short-lived objects are collected in small portions (MiB), and the heap grows by three fifths at most between collections: left alone, V8 takes far more memory. The first line says the same. */
const heap = ["--max-semi-space-size=8", "--heap-growing-percent=60"];

/** The arguments that start the program: its source in a checkout, so that no stale build runs; the built file once installed. */
const program = existsSync(source) ? ["--conditions=@accord/source", source] : [built];
const isNewEnough = Number(process.versions.node.split(".")[0]) >= nodeMajorMin;

if (isNewEnough && program.length === 1) {
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

/** Becomes `node` as nearly as a parent can: same terminal, signals passed on, same exit. */
function run(node) {
  const child = spawn(node, [...heap, ...program, ...process.argv.slice(2)], { stdio: "inherit" });
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
