//! Paths as the API document writes them: what a metric may be labelled with, since a raw path is anybody's invention.

use metrics::SharedString;
use serde_json::Value;
use std::sync::Arc;

/// The label of what the document does not have.
const OTHER: &str = "other";

/// Every path of the document.
pub struct Patterns(Vec<Arc<str>>);

impl Patterns {
    /// From an OpenAPI document.
    pub fn of(openapi: &str) -> anyhow::Result<Self> {
        let document: Value = serde_json::from_str(openapi)?;
        let paths = document.get("paths").and_then(Value::as_object).into_iter().flatten();
        Ok(Self(paths.map(|(path, _)| Arc::from(path.as_str())).collect()))
    }

    /// The pattern of a path, such as `/api/todos/{id}`; one without parameters is preferred.
    pub fn find(&self, path: &str) -> SharedString {
        let exact = self.0.iter().find(|pattern| ***pattern == *path);
        let found = exact.or_else(|| self.0.iter().find(|pattern| matches(pattern, path)));
        found.map_or(SharedString::const_str(OTHER), |pattern| pattern.clone().into())
    }
}

fn matches(pattern: &str, path: &str) -> bool {
    let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(wanted), Some(given)) if wanted == given || (wanted.starts_with('{') && !given.is_empty()) => {}
            _ => return false,
        }
    }
}

/// A method as a label: the known ones, and one word for all others.
pub fn method(method: &http::Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => OTHER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_names_every_path_and_nothing_else() {
        let patterns = Patterns::of(super::super::public::OPENAPI).unwrap();
        assert_eq!(&*patterns.find("/api/todos"), "/api/todos");
        assert_eq!(&*patterns.find("/api/todos/batch"), "/api/todos/batch");
        assert_eq!(&*patterns.find("/api/todos/0198/history"), "/api/todos/{id}/history");
        for other in ["/api/todos/", "/api/todos/a/b/c", "/x", "", "*"] {
            assert_eq!(&*patterns.find(other), OTHER, "{other}");
        }
    }
}
