import { readdirSync, readFileSync } from "node:fs";
import { kill } from "node:process";
import type { PostgresServer } from "@accord/sandbox/postgres";

/**
 * `kill -9` of a server of ours with all its processes: nothing of it says good-bye, and what only its memory held is lost. `restart` recovers its data.
 * The postmaster is stopped first, so that it neither starts others meanwhile nor puts the death of one in order.
 */
export async function crashServer(server: PostgresServer): Promise<void> {
  const { processId } = server;
  if (processId === undefined) return;
  kill(processId, "SIGSTOP");
  for (const child of childrenOf(processId)) {
    try {
      kill(child, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  }
  await server.kill("SIGKILL");
}

/** From Linux's process table: PostgreSQL's children each lead a process group of their own. Elsewhere they end by themselves when they see that the postmaster is gone. */
function childrenOf(parent: number): readonly number[] {
  return processesOf("/proc").filter((processId) => {
    try {
      // proc_pid_stat(5): id, (name), state, parent …; a name may hold brackets and spaces.
      const stat = readFileSync(`/proc/${processId}/stat`, "latin1");
      return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]) === parent;
    } catch {
      return false;
    }
  });
}

function processesOf(folder: string): readonly number[] {
  try {
    return readdirSync(folder).flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []));
  } catch {
    return [];
  }
}
