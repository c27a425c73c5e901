/** Import directions of Accord. Each rule says what may not be imported, and why; scripts/check-boundaries.test.ts breaks each one. */
const inPackage = (name) => `^packages/${name}/src/`;
const test = "\\.test\\.tsx?$";
const forbid = (name, comment, from, to) => ({ name, comment, severity: "error", from, to });

/** @type {import("dependency-cruiser").IConfiguration} */
export default {
  forbidden: [
    forbid("no-cycles", "A cycle has no bottom to start reading from.", {}, { circular: true }),
    forbid("unresolvable", "An import nobody can follow.", {}, { couldNotResolve: true }),
    forbid("core-is-alone", "Core decides and never acts.", { path: inPackage("core"), pathNot: test }, { pathNot: inPackage("core") }),
    forbid(
      "engine-on-core",
      "The engine knows ports, not systems.",
      { path: inPackage("engine"), pathNot: test },
      { pathNot: inPackage("(core|engine)") },
    ),
    forbid(
      "connectors-on-ports",
      "A connector sees the engine through its port, and a system over that system's own interface.",
      { path: inPackage("connectors"), pathNot: test },
      { path: inPackage("(?!core/|connectors/)[^/]+"), pathNot: `${inPackage("engine")}connector/` },
    ),
    forbid(
      "connectors-are-islands",
      "Removing one connector must not touch another.",
      { path: `${inPackage("connectors")}([^/]+)/` },
      { path: `${inPackage("connectors")}[^/]+/`, pathNot: `${inPackage("connectors")}($1|kit)/` },
    ),
    forbid(
      "quality-on-matcher",
      "Quality knows values and the engine's Matcher port, not runs and systems.",
      { path: inPackage("quality"), pathNot: test },
      { path: inPackage("(?!core/|quality/)[^/]+"), pathNot: `${inPackage("engine")}match/` },
    ),
    forbid(
      "sandbox-stands-alone",
      "A miniature that shares our code shares our mistakes.",
      { path: inPackage("sandbox"), pathNot: test },
      { path: inPackage("(?!sandbox/)[^/]+") },
    ),
    forbid(
      "sandbox-in-demo",
      "The product reaches a miniature over HTTP, as it reaches the real system.",
      { path: "^packages/", pathNot: [test, inPackage("(sandbox|testkit)"), `${inPackage("accord")}demo/`] },
      { path: inPackage("sandbox") },
    ),
    forbid(
      "web-on-contract",
      "The dashboard speaks to the daemon over HTTP.",
      { path: inPackage("web") },
      { path: inPackage("(?!core/|web/)[^/]+"), pathNot: `${inPackage("accord")}api/contract\\.ts$` },
    ),
    forbid(
      "store-is-a-leaf",
      "The store implements a port.",
      { path: `${inPackage("accord")}store/` },
      { path: `${inPackage("accord")}(cli|api|daemon|demo)/` },
    ),
    forbid(
      "daemon-has-no-face",
      "The daemon runs without HTTP or a terminal.",
      { path: `${inPackage("accord")}daemon/` },
      { path: `${inPackage("accord")}(cli|api)/` },
    ),
    forbid(
      "cli-not-store",
      "Commands go through the API or the engine.",
      { path: `${inPackage("accord")}(cli|api)/`, pathNot: test },
      { path: `${inPackage("accord")}store/` },
    ),
    forbid(
      "testkit-in-tests",
      "Fakes stay out of the product.",
      { path: inPackage("(?!testkit/)[^/]+"), pathNot: test },
      { path: inPackage("testkit") },
    ),
    forbid(
      "testkit-below-accord",
      "The suites are given what they test.",
      { path: inPackage("testkit"), pathNot: test },
      { path: inPackage("(accord|web)") },
    ),
    forbid("tests-are-leaves", "Share helpers through the test kit.", {}, { path: test }),
    forbid(
      "public-entry-only",
      "Cross a package border at its front door.",
      { path: "^packages/([^/]+)/" },
      { path: "^packages/[^/]+/src/", pathNot: ["^packages/$1/", "/index\\.ts$", "/contract\\.ts$"] },
    ),
    forbid(
      "declared-dependencies",
      "List it in package.json.",
      { path: "^packages/", pathNot: test },
      { dependencyTypes: ["npm-no-pkg", "npm-unknown", "npm-dev"] },
    ),
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.base.json" },
    doNotFollow: { path: "node_modules" },
    // Only our own build: most third-party packages live in a dist folder too, and leaving those out hides undeclared imports of them.
    exclude: { path: "^packages/[^/]+/(dist|coverage)/" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["@accord/source", "import", "node", "default", "types"] },
  },
};
