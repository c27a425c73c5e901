import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of the repository. */
const repository = join(dirname(fileURLToPath(import.meta.url)), "..");

const configurations = [
  "package.json",
  "tsconfig.json",
  "tsconfig.base.json",
  "tsconfig.tests.json",
  ".dependency-cruiser.mjs",
  ".oxlintrc.json",
];

/** A throw-away copy of the repository in which a test breaks rules, to see the checkers catch it. */
export interface PlantedCopy {
  /** Absolute path of the copy. */
  readonly folder: string;
  /** Removes the copy. */
  readonly remove: () => Promise<void>;
}

/** What a checker printed, and the status it left with. */
export interface CheckerResult {
  readonly status: number;
  readonly output: string;
}

/**
 * Copies the packages and the checkers' settings, then writes `files` over them.
 * Third-party packages are linked, not copied; our own resolve to the copy, as they do in the repository.
 *
 * @param files content by path from the root of the repository
 */
export async function createPlantedCopy(files: Readonly<Record<string, string>>): Promise<PlantedCopy> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "accord-planted-")));
  for (const name of configurations) await cp(join(repository, name), join(folder, name));
  await cp(join(repository, "packages"), join(folder, "packages"), {
    recursive: true,
    filter: (source) => !/[\\/](node_modules|dist|coverage)$/.test(source),
  });
  await linkDependencies(folder);
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** Runs one of the installed checkers in the copy, as `npm run check` runs it in the repository. */
export function runChecker(copy: PlantedCopy, program: string, options: readonly string[]): Promise<CheckerResult> {
  return new Promise((resolve, reject) => {
    const call = [join(repository, "node_modules", program), ...options];
    execFile(process.execPath, call, { cwd: copy.folder, maxBuffer: 256 * 1024 * 1024 }, (error, output, complaint) => {
      const status = error === null ? 0 : error.code;
      if (typeof status === "number" && output !== "") resolve({ status, output });
      else reject(new Error(`${program} gave no report: ${complaint}`, { cause: error }));
    });
  });
}

/** The TypeScript files of all packages in the copy, as sorted paths from its root with forward slashes. */
export async function listSourceFiles(copy: PlantedCopy): Promise<readonly string[]> {
  const entries = await readdir(join(copy.folder, "packages"), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
    .map((entry) => relative(copy.folder, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .filter((path) => !path.includes("/node_modules/"))
    .toSorted();
}

async function linkDependencies(folder: string): Promise<void> {
  const installed = join(repository, "node_modules");
  await mkdir(join(folder, "node_modules", "@accord"), { recursive: true });
  for (const name of await readdir(installed)) {
    if (name !== "@accord" && name !== "accord") await symlink(join(installed, name), join(folder, "node_modules", name));
  }
  for (const name of await readdir(join(folder, "packages"))) {
    const scope = name === "accord" ? [] : ["@accord"];
    await symlink(join(folder, "packages", name), join(folder, "node_modules", ...scope, name));
    const nested = join(repository, "packages", name, "node_modules");
    await symlink(nested, join(folder, "packages", name, "node_modules")).catch(() => undefined);
  }
}
