//! The dashboard (`/`): its files, as `cargo xtask build` made them from `web/`, each in three encodings. It imports nothing.

mod file;

use file::{FILES, File, PAGE};
use guest::Problem;
use guest::http::{Answer, Incoming, Request, bytes, empty, serve};
use http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use http::{HeaderName, HeaderValue, StatusCode};
use spin_sdk::http_service;

#[http_service]
async fn handle(request: spin_sdk::http::Request) -> Answer {
    serve(request, route).await
}

async fn route(request: &Request, _: Incoming) -> Result<Answer, Problem> {
    let file = found(request.path()).ok_or_else(|| Problem::not_found("Nothing answers to this path."))?;
    if !matches!(request.method(), "GET" | "HEAD") {
        return Err(Problem::method_not_allowed("GET, HEAD"));
    }
    Ok(sent(request, file))
}

/// The file under this path. Every view of the dashboard is the one page.
fn found(path: &str) -> Option<&'static File> {
    let is_view =
        matches!(path, "/" | "/today" | "/upcoming" | "/completed" | "/statistics" | "/settings") || path.starts_with("/tag/");
    let path = if is_view { PAGE } else { path };
    FILES.iter().find(|file| file.path == path)
}

/// What the page may do: nothing that is not its own. Trusted Types forbid it to make markup of text.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    manifest-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

fn sent(request: &Request, file: &'static File) -> Answer {
    let (encoding, content) = file.encoded(request.header(&ACCEPT_ENCODING).unwrap_or_default());
    let etag = format!("\"{}-{}\"", file.digest, encoding.unwrap_or("plain"));
    let is_known = request.header(&IF_NONE_MATCH).is_some_and(|known| known.split(',').any(|tag| is_same(tag, &etag)));
    let mut answer = if is_known { empty(StatusCode::NOT_MODIFIED) } else { bytes(content) };
    let headers = answer.headers_mut();
    let mut set = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    };
    set(ETAG, &etag);
    set(VARY, "accept-encoding");
    // A file whose name is made of what it holds never changes; the page is asked for each time.
    set(CACHE_CONTROL, if file.path == PAGE { "no-cache" } else { "public, max-age=31536000, immutable" });
    if !is_known {
        set(CONTENT_TYPE, file.content_type);
        if let Some(encoding) = encoding {
            set(CONTENT_ENCODING, encoding);
        }
    }
    if file.path == PAGE {
        set(HeaderName::from_static("content-security-policy"), POLICY);
        set(HeaderName::from_static("referrer-policy"), "same-origin");
        set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    }
    answer
}

/// Whether two tags are the same file's (RFC 9110, 13.1.2: a comparison that leaves `W/` aside).
fn is_same(known: &str, etag: &str) -> bool {
    let known = known.trim();
    known == "*" || known.trim_start_matches("W/") == etag
}
