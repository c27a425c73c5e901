import type { Figures } from "./figure.ts";
import { middle, shown } from "./figure.ts";
import type { Place, World } from "./world.ts";
import { fill, pairFile, seconds } from "./world.ts";

const ROWS = 20_000;
/** Transactions of five single-row updates each, as an application writes them. */
const TRANSACTIONS = 400;
const ROUNDS = 7;

/** P13: the application's own updates, on a table without capture, with log capture and with trigger capture, turn by turn; no daemon runs. */
export async function measureCaptureCost(world: World, figures: Figures, run: number): Promise<void> {
  const places = new Map<string, Place>();
  for (const kind of ["none", "log", "triggers"]) {
    const place = await world.place(world.left, `cost_${kind}_${run}`);
    await fill(place, { count: ROWS, first: 0, order: "people", differs: false });
    places.set(kind, place);
    if (kind === "none") continue;
    const other = await world.place(world.right, `cost_${kind}_${run}`);
    await world.project(`cost_${kind}_${run}`, pairFile(place, other, kind)).run(["install"]);
  }
  const times = new Map<string, number[]>();
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [kind, place] of places) times.set(kind, [...(times.get(kind) ?? []), await work(place, round)]);
  }
  const plain = middle(times.get("none") ?? []);
  const updates = TRANSACTIONS * 5;
  for (const [name, kind] of [
    ["P13a", "log"],
    ["P13b", "triggers"],
  ] as const) {
    const taken = middle(times.get(kind) ?? []);
    figures.add(name, taken / plain, `${updates} updates in ${shown(taken)} s, without capture ${shown(plain)} s`);
  }
  for (const place of places.values()) {
    await place.client.run("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database()");
  }
}

async function work({ client }: Place, round: number): Promise<number> {
  const startedAtMs = performance.now();
  for (let transaction = 0; transaction < TRANSACTIONS; transaction += 1) {
    const updates = Array.from({ length: 5 }, (_, index) => {
      const id = 1 + (((transaction * 5 + index) * 7919 + round * 13) % ROWS);
      return `UPDATE contacts SET title = 'Round ${round}', points = ${transaction} WHERE id = ${id}`;
    });
    await client.run(`BEGIN; ${updates.join("; ")}; COMMIT`);
  }
  return seconds(startedAtMs);
}
