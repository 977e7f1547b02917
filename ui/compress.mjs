// Compresses what `vite build` made, once: the server embeds each file beside its .br and .gz, and compresses none at a request.
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { extname, join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const DIST = new URL("dist", import.meta.url).pathname;
// Images and fonts of other kinds are compressed already.
const TEXTS = new Set([".html", ".js", ".mjs", ".css", ".svg", ".json", ".map", ".wasm", ".ttf"]);
const LEAST_BYTES = 1024;

for (const name of readdirSync(DIST, { recursive: true })) {
  const path = join(DIST, name);
  if (!TEXTS.has(extname(path)) || statSync(path).size < LEAST_BYTES) continue;
  const plain = readFileSync(path);
  const parameters = {
    [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
    [constants.BROTLI_PARAM_SIZE_HINT]: plain.length,
  };
  for (const [suffix, compressed] of [
    ["br", brotliCompressSync(plain, { params: parameters })],
    ["gz", gzipSync(plain, { level: constants.Z_BEST_COMPRESSION })],
  ]) {
    if (compressed.length < plain.length * 0.9) writeFileSync(`${path}.${suffix}`, compressed);
  }
}
