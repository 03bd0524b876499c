// The one script of the page that nobody generated: it starts the module, or says why that cannot be.
import init from "{glue}";

// What reads files is fetched when a file is chosen.
globalThis.tidingsImporter = async () => {
  const importer = await import("{importer}");
  await importer.default({ module_or_path: "{importer_wasm}" });
  return importer;
};

init({ module_or_path: "{wasm}" }).catch((error) => {
  const note = document.getElementById("start");
  if (note) {
    note.textContent = "Tidings could not start in this browser. Reload the page; it needs a browser of the last years, with WebAssembly switched on.";
  }
  console.error(error);
});
