import { defineConfig } from "vite";

export default defineConfig({
  base: "/",
  // Rolldown reads the JSX settings from tsconfig.json.
  build: {
    target: "es2022",
    assetsDir: "assets",
    // Inlined assets would be data: URLs, which the server's content security policy refuses for fonts and scripts.
    assetsInlineLimit: 0,
    // The map's chunk is MapLibre and deck.gl; it is loaded beside the rest of the page.
    chunkSizeWarningLimit: 2500,
    rolldownOptions: {
      output: {
        // Some servers do not know .mjs, and a worker of an unknown type does not start.
        assetFileNames: (asset) =>
          asset.names.some((name) => name.endsWith(".mjs"))
            ? "assets/[name]-[hash].js"
            : "assets/[name]-[hash][extname]",
      },
    },
  },
  server: {
    proxy: { "/api": "http://127.0.0.1:8080" },
  },
});
