import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { AccordError } from "@accord/engine/connector";
import { PostgresError, startPostgres, usableDataDirectory } from "@accord/sandbox/postgres";
import type { PostgresServer } from "@accord/sandbox/postgres";
import { createCrm } from "./world/crm.ts";
import { createErp } from "./world/erp.ts";
import { createWorld } from "./world/people.ts";
import type { World } from "./world/people.ts";
import { projectFile } from "./world/project-file.ts";

/** The demo's two systems, filled and running, with the project file that connects them. */
export interface DemoSystems {
  readonly folder: string;
  readonly projectFile: string;
  readonly addresses: DemoAddresses;
  readonly world: World;
  /** Where the ERP's server keeps its data: elsewhere than in the folder where root's folder is closed to the server's user. */
  readonly dataDirectory: string;
  /** Stops the ERP's server; removes everything unless it is to be kept. Safe to call twice. */
  stop(): Promise<void>;
}

/** How users reach the systems. Kept in the demo's folder while it runs, for `accord demo sql`. */
export interface DemoAddresses {
  readonly crm: string;
  readonly erp: string;
}

export interface DemoPlace {
  /** Where everything is kept; null: in a temporary folder that goes away. */
  readonly folder: string | null;
  readonly seed: number;
  readonly signal: AbortSignal;
}

const ADDRESSES_FILE = "demo.json";
const SECRET = { mode: 0o600 };

/** Makes and starts both systems. @throws ACCORD_DEMO_EXISTS, and those of starting PostgreSQL; nothing is left behind then */
export async function startSystems(place: DemoPlace): Promise<DemoSystems> {
  const kept = place.folder === null ? null : resolve(place.folder);
  if (kept !== null && existsSync(kept)) {
    throw new AccordError("ACCORD_DEMO_EXISTS", `${kept} is there already; remove it, or give another folder with --folder.`, {
      remedy: "stop",
      where: kept,
    });
  }
  const folder = kept ?? mkdtempSync(join(tmpdir(), "accord-demo-"));
  if (kept !== null) mkdirSync(kept, { recursive: true, mode: 0o755 });
  const dataDirectory = kept === null ? null : usableDataDirectory(join(kept, "erp"));
  let server: PostgresServer | null = null;
  const stop = async (): Promise<void> => {
    await server?.stop();
    server = null;
    rmSync(join(folder, ADDRESSES_FILE), { force: true });
    if (kept === null) rmSync(folder, { recursive: true, force: true });
  };
  try {
    server = await startPostgres({ signal: place.signal, ...(dataDirectory === null ? {} : { dataDirectory }) });
    const world = createWorld(place.seed);
    const addresses = { crm: join(folder, "crm.db"), erp: "" };
    createCrm(addresses.crm, world);
    const erp = await createErp(server, world);
    writeFileSync(join(folder, "accord.yaml"), projectFile(erp.accord), SECRET);
    writeFileSync(join(folder, ADDRESSES_FILE), `${JSON.stringify({ ...addresses, erp: erp.own })}\n`, SECRET);
    return {
      folder,
      projectFile: join(folder, "accord.yaml"),
      addresses: { ...addresses, erp: erp.own },
      world,
      dataDirectory: server.dataDirectory,
      stop,
    };
  } catch (error) {
    await stop();
    if (kept !== null) rmSync(kept, { recursive: true, force: true });
    throw error instanceof PostgresError ? new AccordError(error.code, `${error.message}.`, { remedy: "stop", cause: error }) : error;
  }
}

/** The systems of a demo that is running. @throws ACCORD_NO_DEMO */
export function runningDemo(folder: string): DemoAddresses {
  const file = join(resolve(folder), ADDRESSES_FILE);
  try {
    // Written by startSystems.
    return JSON.parse(readFileSync(file, "utf8")) as DemoAddresses;
  } catch (error) {
    throw new AccordError(
      "ACCORD_NO_DEMO",
      `No demo runs in ${resolve(folder)}; start one with accord demo --keep, or name its folder with --folder.`,
      {
        remedy: "stop",
        where: file,
        cause: error,
      },
    );
  }
}
