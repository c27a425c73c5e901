import { readdirSync, readFileSync } from "node:fs";

/** The clock ticks of /proc a second: 100 on every Linux that Node runs on. */
const TICKS_A_SECOND = 100;

/** CPU seconds, user and system, that a process and the children it has waited for have used; 0 where there is no /proc. */
export function cpuSecondsOf(processId: number, withChildren = false): number {
  try {
    const stat = readFileSync(`/proc/${processId}/stat`, "latin1");
    // The name in brackets may hold spaces; `utime` is the 12th number behind it.
    const numbers = stat
      .slice(stat.lastIndexOf(")") + 2)
      .split(" ")
      .map(Number);
    const own = (numbers[11] ?? 0) + (numbers[12] ?? 0);
    const children = withChildren ? (numbers[13] ?? 0) + (numbers[14] ?? 0) : 0;
    return (own + children) / TICKS_A_SECOND;
  } catch {
    return 0;
  }
}

/** The same of a server and all its processes, those that have ended included. */
export function serverCpuSeconds(processId: number): number {
  let seconds = cpuSecondsOf(processId, true);
  for (const child of childrenOf(processId)) seconds += cpuSecondsOf(child, true);
  return seconds;
}

function childrenOf(processId: number): number[] {
  try {
    return readdirSync("/proc").flatMap((name) => {
      if (!/^\d+$/.test(name)) return [];
      try {
        const stat = readFileSync(`/proc/${name}/stat`, "latin1");
        return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]) === processId ? [Number(name)] : [];
      } catch {
        return [];
      }
    });
  } catch {
    return [];
  }
}

/** Proportional set size in MiB: private pages, and a share of those that other processes use too. 0 where the kernel does not tell. */
export function pssMiBOf(processId: number): number {
  try {
    return Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${processId}/smaps_rollup`, "latin1"))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}
