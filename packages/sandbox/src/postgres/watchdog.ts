import { spawn } from "node:child_process";
import { Socket } from "node:net";
import { childEnvironment } from "./child.ts";

/** A small shell process that outlives us just long enough to clean up, should we die without a word (SIGKILL, out of memory). */
export interface Watchdog {
  /** Tells it which server to stop if we die. */
  readonly watch: (processId: number) => void;
  /** Sends it home: everything is cleaned up. */
  readonly dismiss: () => void;
}

/**
 * It waits on a pipe from us. The kernel closes the pipe when we end, however we end, so no process id of ours is polled or mistaken.
 * Then it stops the server if postmaster.pid still names it, waits until that file is gone (the process may stay as a zombie where nothing
 * reaps orphans), and removes the temporary folder, if there is one.
 * `$1` data directory, `$2` signal for the server, `$3` folder to remove or empty.
 */
const script = `
server=
while read -r word value; do
  case "$word" in
    watch) server=$value ;;
    dismiss) exit 0 ;;
  esac
done
if [ -n "$server" ] && [ "$(head -n 1 "$1/postmaster.pid" 2>/dev/null)" = "$server" ]; then
  kill -s "$2" "$server" 2>/dev/null
  tries=0
  while [ -e "$1/postmaster.pid" ] && kill -0 "$server" 2>/dev/null && [ $tries -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
fi
if [ -n "$3" ]; then rm -rf "$3" || { sleep 1; rm -rf "$3"; }; fi
`;

/**
 * Starts the watchdog of one data directory.
 *
 * @param removeFolder the temporary folder to remove after our death, or undefined when the data are to stay
 */
export function startWatchdog(dataDirectory: string, removeFolder: string | undefined): Watchdog {
  const stopSignal = removeFolder === undefined ? "INT" : "QUIT";
  const child = spawn("sh", ["-c", script, "accord-postgres-watchdog", dataDirectory, stopSignal, removeFolder ?? ""], {
    cwd: "/",
    env: { ...childEnvironment },
    stdio: ["pipe", "ignore", "ignore"],
    // A session of its own, so that Ctrl-C at the terminal does not reach it.
    detached: true,
  });
  const { stdin } = child;
  // Neither a missing shell nor a killed watchdog may harm the server: it is a second line of defence.
  child.on("error", () => undefined);
  stdin.on("error", () => undefined);
  child.unref();
  if (stdin instanceof Socket) stdin.unref();
  return {
    watch: (processId) => void stdin.write(`watch ${String(processId)}\n`),
    dismiss: () => void stdin.end("dismiss\n"),
  };
}
