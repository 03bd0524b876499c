//! The `tidings` program: the library, and the components that it carries.

fn main() -> std::process::ExitCode {
    tidings::cli::main(include_bytes!(env!("TIDINGS_BUNDLE")))
}
