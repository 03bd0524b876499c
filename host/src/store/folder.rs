//! The data folder: made where it is missing, for its owner alone, and held by one process at a time.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Why a data folder cannot be used, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    #[error("the data folder {} cannot be used: {source}. Make it writable, or give another with --data", folder.display())]
    Unusable { folder: PathBuf, source: io::Error },
    #[error("the data folder {} is read-only. Make it and the files in it writable, or give another with --data", folder.display())]
    ReadOnly { folder: PathBuf },
    #[error("the data folder {} is in use by another tidings ({holder}). Stop that one, or give another with --data", folder.display())]
    Locked { folder: PathBuf, holder: String },
}

impl FolderError {
    pub(super) fn of(folder: &Path, source: io::Error) -> Self {
        let folder = folder.to_owned();
        match source.kind() {
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => Self::ReadOnly { folder },
            _ => Self::Unusable { folder, source },
        }
    }
}

/// A data folder that is ours until this is dropped, or the process ends.
pub(super) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the folder where it is missing, and takes it.
    pub fn take(path: &Path) -> Result<Self, FolderError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(|source| FolderError::of(path, source))?;
        Ok(Self { path: path.to_owned(), _lock: lock(path)? })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The lock file names its holder for whoever comes second.
fn lock(folder: &Path) -> Result<File, FolderError> {
    let failed = |source| FolderError::of(folder, source);
    let path = folder.join("tidings.lock");
    let mut file =
        OpenOptions::new().create(true).truncate(false).read(true).write(true).mode(0o600).open(path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            // The holder may be about to write its id.
            let holder = match file.read_to_string(&mut pid) {
                Ok(_) if !pid.trim().is_empty() => format!("process {}", pid.trim()),
                _ => "process unknown".to_owned(),
            };
            return Err(FolderError::Locked { folder: folder.to_owned(), holder });
        }
        Err(TryLockError::Error(source)) => return Err(failed(source)),
    }
    file.set_len(0).map_err(failed)?;
    file.rewind().map_err(failed)?;
    writeln!(file, "{}", std::process::id()).map_err(failed)?;
    Ok(file)
}
