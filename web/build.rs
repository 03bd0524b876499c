//! The module is split after it is linked (`cargo xtask build`), which needs to know what refers to what.

fn main() {
    println!("cargo::rustc-link-arg-cdylib=--emit-relocs");
    println!("cargo::rerun-if-changed=build.rs");
}
