// Writes the types of the HTTP API, which come from its OpenAPI document. `--check` writes nothing, and fails on drift.
import { readFileSync, writeFileSync } from "node:fs";
import openapiTS, { astToString, COMMENT_HEADER } from "openapi-typescript";

const DOCUMENT = new URL("../docs/openapi.json", import.meta.url);
const TYPES = new URL("src/api/schema.d.ts", import.meta.url);

const OPTIONS = {
  // Answers are read and never changed.
  immutable: true,
  // Four numbers are a tuple.
  arrayLength: true,
  // An object of unknown members is not an empty one.
  emptyObjectsUnknown: true,
};

const types = COMMENT_HEADER + astToString(await openapiTS(DOCUMENT, OPTIONS));
if (!process.argv.includes("--check")) {
  writeFileSync(TYPES, types);
} else if (types !== committed()) {
  console.error(
    "ui/src/api/schema.d.ts is not what docs/openapi.json describes: run `npm run types` in ui, and commit the file.",
  );
  process.exitCode = 1;
}

function committed() {
  try {
    return readFileSync(TYPES, "utf8");
  } catch {
    // A file that is not there has drifted, too.
    return null;
  }
}
