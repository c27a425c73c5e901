import { spawn } from "node:child_process";
import type { ServerUser } from "./server-user.ts";

/** How a short-lived program ended. */
export interface ProgramResult {
  /** Exit code; -1 when a signal ended it. */
  readonly code: number;
  /** Standard output and error, in the order they arrived. */
  readonly output: string;
}

/**
 * A clean environment: PGDATA, PGPORT and the caller's locale must not leak into our server, nor its secrets into a server's process list.
 */
export const childEnvironment: Readonly<Record<string, string>> = {
  PATH: process.env["PATH"] ?? "/usr/bin:/bin",
  LC_ALL: "C",
  TZ: "UTC",
};

/** What `spawn` needs to run a program as `user`. The folder is `/`, because the caller's own may be closed to that user. */
export function spawnOptions(user: ServerUser | undefined): {
  readonly cwd: string;
  readonly env: Record<string, string>;
  readonly uid?: number;
  readonly gid?: number;
} {
  const common = { cwd: "/", env: { ...childEnvironment } };
  return user?.isOther === true ? { ...common, uid: user.uid, gid: user.gid } : common;
}

/**
 * Runs a program to its end, as `user` or as ourselves, and collects what it printed.
 * An abort of `signal` kills it and rejects.
 */
export function runProgram(
  program: string,
  args: readonly string[],
  options: { readonly user?: ServerUser | undefined; readonly signal?: AbortSignal | undefined },
): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      ...spawnOptions(options.user),
      stdio: ["ignore", "pipe", "pipe"],
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    let output = "";
    const collect = (chunk: Buffer): void => {
      output += chunk.toString("utf8");
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    let failure: Error | undefined;
    child.once("error", (error) => {
      failure = error;
      // An aborted program is still ending; only one that never started has no end to wait for.
      if (child.pid === undefined) reject(error);
    });
    child.once("close", (code) => {
      if (failure === undefined) resolve({ code: code ?? -1, output });
      else reject(failure);
    });
  });
}
