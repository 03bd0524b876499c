//! Where components come from: the tar inside the binary, or the files that a manifest names.
//!
//! The tar has `spin.toml`, and for each component `NAME.wasm` and, once precompiled, `NAME.cwasm`.

use super::manifest::Manifest;
use super::runtime;
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::Path;

/// An application and the code of its components.
pub struct Bundle {
    pub manifest: Manifest,
    pub(super) parts: BTreeMap<String, Part>,
}

/// One component's code.
pub(super) struct Part {
    pub wasm: Bytes,
    /// Compiled by the build of this very binary. It is native code, so it is taken from nowhere else.
    pub precompiled: Option<Bytes>,
}

const MANIFEST: &str = "spin.toml";

impl Bundle {
    /// The one that the binary carries.
    pub fn embedded(tar: &'static [u8]) -> Result<Self> {
        if tar.is_empty() {
            bail!("this binary carries no components: build it with `cargo xtask build`, or name a manifest with --manifest");
        }
        let entries = entries(&Bytes::from_static(tar)).context("the components inside this binary cannot be read")?;
        let text = entries.get(MANIFEST).context("the components inside this binary have no spin.toml")?;
        let manifest = Manifest::parse(std::str::from_utf8(text)?).context("spin.toml")?;
        let part = |name: &String| {
            let wasm = entries.get(&format!("{name}.wasm")).with_context(|| format!("this binary has no {name}.wasm"))?.clone();
            Ok((name.clone(), Part { wasm, precompiled: entries.get(&format!("{name}.cwasm")).cloned() }))
        };
        let parts = manifest.components.keys().map(part).collect::<Result<_>>()?;
        Ok(Self { manifest, parts })
    }

    /// The components that a manifest on the disk names, compiled at start.
    pub fn from_manifest(path: &Path) -> Result<Self> {
        let shown = path.display();
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read the manifest {shown}"))?;
        let manifest = Manifest::parse(&text).with_context(|| shown.to_string())?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let part = |(name, spec): (&String, &super::manifest::ComponentSpec)| {
            let source = folder.join(&spec.source);
            let wasm = std::fs::read(&source)
                .with_context(|| format!("cannot read {}, the source of component {name:?}; build it", source.display()))?;
            Ok((name.clone(), Part { wasm: wasm.into(), precompiled: None }))
        };
        let parts = manifest.components.iter().map(part).collect::<Result<_>>()?;
        Ok(Self { manifest, parts })
    }
}

/// The tar's files, without copying them.
fn entries(tar: &Bytes) -> Result<BTreeMap<String, Bytes>> {
    let mut entries = BTreeMap::new();
    for entry in tar::Archive::new(Cursor::new(tar)).entries()? {
        let entry = entry?;
        let start = usize::try_from(entry.raw_file_position())?;
        let end = start.saturating_add(usize::try_from(entry.size())?);
        if end > tar.len() {
            bail!("the tar ends in the middle of a file");
        }
        entries.insert(entry.path()?.to_string_lossy().into_owned(), tar.slice(start..end));
    }
    Ok(entries)
}

/// Reads a bundle and writes it again, with every `NAME.wasm` compiled into a `NAME.cwasm`.
pub fn precompile(from: &Path, to: &Path) -> Result<()> {
    let engine = runtime::compiler()?;
    let tar = std::fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
    let mut files: BTreeMap<String, Bytes> =
        entries(&tar.into())?.into_iter().filter(|(name, _)| !name.ends_with(".cwasm")).collect();
    for (name, wasm) in files.clone() {
        if let Some(stem) = name.strip_suffix(".wasm") {
            let compiled = engine
                .precompile_component(&wasm)
                .map_err(anyhow::Error::from)
                .with_context(|| format!("cannot compile {name}"))?;
            files.insert(format!("{stem}.cwasm"), compiled.into());
        }
    }
    let out = std::fs::File::create(to).with_context(|| format!("cannot write {}", to.display()))?;
    let mut tar = tar::Builder::new(out);
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, bytes.as_ref())?;
    }
    tar.finish()?;
    Ok(())
}
