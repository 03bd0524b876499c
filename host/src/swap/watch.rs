//! `--watch`: a component whose file changes is swapped. The author's loop, from save to served.

use super::{By, Swaps};
use crate::engine::{LARGEST, Refusal, too_large};
use crate::task::Tasks;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// How often files are looked at. One that has stood still between two looks is taken to be written.
const LOOK: Duration = Duration::from_millis(200);

/// What tells a file from what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp(u64, SystemTime);

/// A component's file.
struct Source {
    name: String,
    path: PathBuf,
    /// As it was when it was last taken, and when it was last looked at.
    taken: Option<Stamp>,
    seen: Option<Stamp>,
}

/// Swaps components as their files change, until told to stop. Files are those of a manifest.
pub fn watch(swaps: &Arc<Swaps>, sources: impl Iterator<Item = (String, PathBuf)>, tasks: &Tasks) {
    let source = |(name, path): (String, PathBuf)| {
        let stamp = stamp(&path);
        Source { name, path, taken: stamp, seen: stamp }
    };
    let (mut sources, swaps, stop): (Vec<Source>, _, _) = (sources.map(source).collect(), Arc::clone(swaps), tasks.stopping());
    tasks.spawn("watch", async move {
        while stop.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_some() {
            for source in &mut sources {
                if source.is_new() {
                    take(&swaps, &source.name, &source.path).await;
                }
            }
        }
    });
}

impl Source {
    /// Whether there is another file than was last taken, and it stands still.
    fn is_new(&mut self) -> bool {
        let now = stamp(&self.path);
        let still = now == self.seen;
        self.seen = now;
        let is_new = still && now.is_some() && now != self.taken;
        if is_new {
            self.taken = now;
        }
        is_new
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = fs::metadata(path).ok()?;
    Some(Stamp(metadata.len(), metadata.modified().ok()?))
}

/// What hinders it is in the log; the version before goes on.
async fn take(swaps: &Arc<Swaps>, name: &str, path: &Path) {
    let read = match fs::metadata(path) {
        Ok(metadata) if metadata.len() > LARGEST => Err(too_large(metadata.len())),
        _ => fs::read(path).map_err(|error| error.to_string()),
    };
    match read {
        // What hinders it is said there.
        Ok(wasm) => match swaps.swap(name, wasm.into(), By::Watch).await {
            Ok(_) | Err(Refusal(_)) => {}
        },
        Err(why) => tracing::warn!(component = name, file = %path.display(), why, "a file that has changed cannot be read"),
    }
}
