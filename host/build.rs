//! Says where the bundle of components is that `main.rs` carries. `cargo xtask build` fills it; until then it is empty.

#![allow(clippy::expect_used, reason = "a build that cannot do this must stop")]

use std::path::PathBuf;
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // <target>/release/build/tidings-<hash>/out
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let target = out.ancestors().nth(4).expect("OUT_DIR lies below the target folder");
    let bundle = target.join("bundle/components.tar");
    if !bundle.exists() {
        fs::create_dir_all(target.join("bundle")).expect("the target folder can be written");
        fs::write(&bundle, []).expect("the target folder can be written");
    }
    println!("cargo::rustc-env=TIDINGS_BUNDLE={}", bundle.display());
}
