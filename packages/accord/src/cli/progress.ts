import type { RunWatcher } from "@accord/engine";
import type { Output } from "./output.ts";

/** Milliseconds between two repaints. */
const REPAINT_MS = 100;

/** Shows on a terminal what a run is at; silent in a pipe. */
export function progressWatcher(output: Output): RunWatcher {
  let paintedAtMs = 0;
  let merged = 0;
  let written = 0;
  let parked = 0;
  const paint = (text: string): void => {
    const nowMs = Date.now();
    if (nowMs - paintedAtMs < REPAINT_MS) return;
    paintedAtMs = nowMs;
    output.progress(text);
  };
  return {
    listed: (sync, side, records) => paint(`${sync}: reading ${side}, ${records} records`),
    merged: (sync, records) => {
      merged += records;
      paint(`${sync}: comparing, ${merged} records`);
    },
    written: (sync, side, _kind, records) => {
      written += records;
      paint(`${sync}: writing to ${side}, ${written} written${parked > 0 ? `, ${parked} parked` : ""}`);
    },
    parked: () => {
      parked += 1;
    },
    fought: (sync, entity, field, reason) => output.remark(`${sync} entity ${entity}, ${field}: ${reason} (accord conflicts)`),
    lacking: () => {},
  };
}
