//! Parts of the machine that a test needs and that not every machine has.

/// Whether to go on: false, with a clear line, where the part is missing; in CI (`--require-all`) that is a failure.
#[allow(clippy::disallowed_methods, reason = "set by `cargo xtask test --require-all`")]
pub fn present(part: &str, present: bool) -> bool {
    let required = std::env::var("IT_REQUIRE_ALL").is_ok();
    assert!(present || !required, "{part} is missing, and every part is required");
    if !present {
        println!("skipped: {part} is missing");
    }
    present
}
