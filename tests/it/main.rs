//! End to end, over real sockets. One binary, so that what it shares is linked once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test's fault is a panic")]

mod walkthrough;
