import { defineConfig } from "vite";

// The board's colour and its stones are drawn in board.css; Shudan's texture is larger than all the rest of the page.
const withoutImages = {
  name: "without-images",
  enforce: "pre",
  transform: (code, id) => (id.endsWith("shudan/css/goban.css") ? code.replace(/url\('[^']*'\)/g, "none") : null),
};

export default defineConfig({
  base: "./",
  plugins: [withoutImages],
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "../src/hayago/web/static",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0, // the page's Content-Security-Policy allows no data: addresses
    modulePreload: { polyfill: false },
    license: { fileName: "LICENSES.md" },
    // Names without hashes: the bundle is committed, and rebuilding it must give the same files.
    rolldownOptions: {
      output: {
        entryFileNames: "page.js",
        chunkFileNames: "[name].js",
        assetFileNames: ({ names: [name] }) => (name === "index.css" ? "page.css" : "[name][extname]"),
      },
    },
  },
  server: { proxy: { "/api": "http://127.0.0.1:8361" } },
});
