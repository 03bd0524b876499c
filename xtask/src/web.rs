//! From `web/` to the files that `components/web` carries: the module, its glue, the style, the page, each in three encodings.
//!
//! A file's name is made of what it holds, so that a browser may keep it for ever; only the page has a name of its own.

use crate::{cargo, ensure_target, root, run, target};
use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use wasm_bindgen_cli_support::Bindgen;
use wasm_encoder::{Module, RawSection, SectionId};
use wasmparser::Parser;

const WASM: &str = "application/wasm";

/// What a browser runs.
pub const BROWSER: &str = "wasm32-unknown-unknown";

/// A file before it is packed.
struct File {
    path: String,
    content_type: &'static str,
    content: Vec<u8>,
}

impl File {
    /// Under a name that its content makes: `/assets/app.0123456789ab.js`.
    fn asset(stem: &str, ending: &str, content_type: &'static str, content: Vec<u8>) -> Self {
        let digest = digest(&content);
        Self { path: format!("/assets/{stem}.{}.{ending}", digest.get(..12).unwrap_or(&digest)), content_type, content }
    }
}

/// Where the files go. `components/web` includes them from there.
fn folder() -> PathBuf {
    root().join("target/web")
}

/// Builds the dashboard, where it has changed.
pub fn build() -> Result<()> {
    ensure_target(BROWSER)?;
    let mut build = cargo(&["build", "--profile", "web", "--target", BROWSER, "--package", "dashboard", "--package", "importer"]);
    // What a module says of where a panic is has no folder of whoever built it: it weighs, and is nobody else's business.
    let registry = cargo_home().join("registry/src");
    let folders = fs::read_dir(&registry).into_iter().flatten().flatten().map(|folder| folder.path());
    let flags: Vec<String> = folders.map(|folder| format!("--remap-path-prefix={}/=", folder.display())).collect();
    run(build.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}")))?;
    let built = |name: &str| target().join(BROWSER).join("web").join(name);
    let (module, importer) = (built("dashboard.wasm"), built("importer.wasm"));
    let sources = [
        module.clone(),
        importer.clone(),
        root().join("web/style.css"),
        root().join("web/index.html"),
        root().join("web/start.js"),
        root().join("web/icon.svg"),
    ];
    let mut all = Sha256::new();
    for source in &sources {
        all.update(fs::read(source).with_context(|| format!("cannot read {}", source.display()))?);
    }
    all.update(include_str!("web.rs"));
    let stamp = format!("{:x}", all.finalize());
    let stamped = folder().join("stamp");
    if fs::read_to_string(&stamped).is_ok_and(|old| old == stamp) {
        return Ok(());
    }
    pack(&files(&module, &importer)?)?;
    fs::write(stamped, stamp)?;
    Ok(())
}

/// A module and its glue, as a browser fetches them.
struct Bound {
    wasm: Vec<u8>,
    glue: String,
}

/// Where cargo keeps sources.
fn cargo_home() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cargo");
    std::env::var_os("CARGO_HOME").map_or_else(home, PathBuf::from)
}

/// What wasm-bindgen makes of a module: the module, and its glue. A module that is split keeps the exports that its parts meet by.
fn bound(module: &Path, stem: &str, is_split: bool) -> Result<Bound> {
    let made = folder_of("web-bindgen")?;
    let mut bindgen = Bindgen::new();
    bindgen.input_path(module).out_name(stem).web(true)?.typescript(false).keep_lld_exports(is_split);
    bindgen.remove_name_section(true).remove_producers_section(true);
    bindgen.generate(&made).with_context(|| format!("wasm-bindgen cannot read {}", module.display()))?;
    let read = |name: String| fs::read(made.join(&name)).with_context(|| format!("wasm-bindgen made no {name}"));
    let glue = String::from_utf8(read(format!("{stem}.js"))?).context("glue is no UTF-8")?;
    Ok(Bound { wasm: read(format!("{stem}_bg.wasm"))?, glue })
}

/// The script that joins a module's parts, as [`split`] names it before it has a name of its own.
const LINK: &str = "./link.js";

/// A module in parts.
struct Split {
    /// What is there from the beginning, as wasm-bindgen wants it.
    first: PathBuf,
    /// The script that joins the rest to it.
    link: String,
    /// The rest: each part under the name that the script knows.
    later: Vec<(String, Vec<u8>)>,
}

/// Cuts the module where `web/src/later.rs` says so.
fn split(module: &Path) -> Result<Split> {
    let made = folder_of("web-split")?;
    let (input, first) = (fs::read(module)?, made.join("first.wasm"));
    let mut options = wasm_split_cli_support::Options::new(&input);
    (options.output_dir, options.main_out_path, options.link_name, options.main_module) = (&made, &first, LINK, "{glue}");
    let parts = wasm_split_cli_support::transform(options);
    let parts = parts.map_err(|error| anyhow::anyhow!("the dashboard's module cannot be split: {error:#}"))?;
    let named = |path: PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok((name, bare(&fs::read(path)?)?))
    };
    let parts = parts.split_modules.into_iter().map(named).collect::<Result<_>>()?;
    Ok(Split { link: fs::read_to_string(made.join(LINK))?, first, later: parts })
}

/// The module without its custom sections: names, which nothing reads.
fn bare(module: &[u8]) -> Result<Vec<u8>> {
    let mut bare = Module::new();
    for payload in Parser::new(0).parse_all(module) {
        let Some((id, range)) = payload?.as_section() else { continue };
        if id != SectionId::Custom as u8 {
            let range = usize::try_from(range.start)?..usize::try_from(range.end)?;
            let data = module.get(range).context("a section ends after the module")?;
            bare.section(&RawSection { id, data });
        }
    }
    Ok(bare.finish())
}

/// A folder of this build's own, empty.
fn folder_of(name: &str) -> Result<PathBuf> {
    let folder = target().join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

const SCRIPT: &str = "text/javascript; charset=utf-8";

fn files(module: &Path, importer: &Path) -> Result<Vec<File>> {
    let Split { first, mut link, later } = split(module)?;
    let app = bound(&first, "app", true)?;
    let importer = bound(importer, "importer", false)?;
    let importer_wasm = File::asset("importer", "wasm", WASM, importer.wasm);
    let importer = File::asset("importer", "js", SCRIPT, importer.glue.into_bytes());
    let wasm = File::asset("app", "wasm", WASM, app.wasm);
    let later: Vec<(String, File)> =
        later.into_iter().map(|(name, content)| (name, File::asset("later", "wasm", WASM, content))).collect();
    // The glue and the script that joins name each other: one name for what both hold.
    let mut both = Sha256::new();
    for (name, file) in &later {
        link = link.replace(&format!("./{name}"), &file.path);
    }
    both.update(&app.glue);
    both.update(&link);
    let both = format!("{:x}", both.finalize());
    let named = |stem: &str| format!("/assets/{stem}.{}.js", both.get(..12).unwrap_or(&both));
    let glue = app.glue.replace(&format!("from \"{LINK}\""), &format!("from \"{}\"", named("link")));
    let link = link.replace("{glue}", &named("app"));
    let glue = File { path: named("app"), content_type: SCRIPT, content: glue.into_bytes() };
    let link = File { path: named("link"), content_type: SCRIPT, content: link.into_bytes() };
    let source = |name: &str| fs::read(root().join("web").join(name)).with_context(|| format!("cannot read web/{name}"));
    let start = String::from_utf8(source("start.js")?).context("web/start.js is no UTF-8")?;
    let start = start.replace("{glue}", &glue.path).replace("{wasm}", &wasm.path);
    let start = start.replace("{importer}", &importer.path).replace("{importer_wasm}", &importer_wasm.path);
    let start = File::asset("start", "js", SCRIPT, start.into_bytes());
    let style = File::asset("style", "css", "text/css; charset=utf-8", source("style.css")?);
    let icon = File::asset("icon", "svg", "image/svg+xml", source("icon.svg")?);
    let mut page = String::from_utf8(source("index.html")?).context("web/index.html is no UTF-8")?;
    for (name, file) in [("wasm", &wasm), ("glue", &glue), ("link", &link), ("start", &start), ("style", &style), ("icon", &icon)]
    {
        page = page.replace(&format!("{{{name}}}"), &file.path);
    }
    let page = File { path: "/index.html".to_owned(), content_type: "text/html; charset=utf-8", content: page.into_bytes() };
    let mut files = vec![page, start, glue, link, wasm, style, icon];
    files.extend(later.into_iter().map(|(_, file)| file));
    files.extend([importer, importer_wasm]);
    Ok(files)
}

/// Writes the files, and the Rust source that includes them.
fn pack(files: &[File]) -> Result<()> {
    let folder = folder();
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let (mut source, mut sent) = ("pub(crate) static FILES: &[File] = &[\n".to_owned(), 0);
    for (index, File { path, content_type, content }) in files.iter().enumerate() {
        let (br, gzip) = (brotli(content)?, gzip(content)?);
        // What a first visit fetches.
        sent += if path.contains("importer") || path.contains("later") { 0 } else { br.len() };
        let mut included = Vec::new();
        for (field, bytes) in [("plain", content), ("br", &br), ("gzip", &gzip)] {
            let file = folder.join(format!("{index}.{field}"));
            fs::write(&file, bytes)?;
            included.push(format!("{field}: include_bytes!({:?})", file.display().to_string()));
        }
        let (digest, included) = (digest(content), included.join(", "));
        let digest = digest.get(..32).unwrap_or(&digest);
        writeln!(source, "    File {{ path: {path:?}, content_type: {content_type:?}, digest: {digest:?}, {included} }},")?;
    }
    source.push_str("];\n");
    fs::write(folder.join("files.rs"), source)?;
    println!("the dashboard: {} files, {} KiB for a first visit, with Brotli", files.len(), sent.div_ceil(1024));
    Ok(())
}

fn digest(content: &[u8]) -> String {
    format!("{:x}", Sha256::digest(content))
}

fn brotli(content: &[u8]) -> Result<Vec<u8>> {
    let mut packed = Vec::new();
    brotli::CompressorWriter::new(&mut packed, 4096, 11, 24).write_all(content)?;
    Ok(packed)
}

fn gzip(content: &[u8]) -> Result<Vec<u8>> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(content)?;
    Ok(packer.finish()?)
}
