//! The files, and in which encoding one is sent.

/// One file.
pub(crate) struct File {
    /// As it is asked for.
    pub path: &'static str,
    pub content_type: &'static str,
    /// Of its content.
    pub digest: &'static str,
    plain: &'static [u8],
    br: &'static [u8],
    gzip: &'static [u8],
}

/// The page itself, under whichever address.
pub(crate) const PAGE: &str = "/index.html";

// `FILES`, and beside it the files themselves.
include!("../../../target/web/files.rs");

impl File {
    /// The best encoding of those that are accepted (RFC 9110, 12.5.3), and the content in it.
    pub fn encoded(&self, accepted: &str) -> (Option<&'static str>, &'static [u8]) {
        match [("br", self.br), ("gzip", self.gzip)].into_iter().find(|(name, _)| accepts(accepted, name)) {
            Some((name, content)) => (Some(name), content),
            None => (None, self.plain),
        }
    }
}

fn accepts(accepted: &str, name: &str) -> bool {
    accepted.split(',').any(|one| {
        let (coding, quality) = one.split_once(';').unwrap_or((one, ""));
        let refused = matches!(quality.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000");
        coding.trim().eq_ignore_ascii_case(name) && !refused
    })
}
