//! Entity tags: a task's is its version between quotes. `If-Match` names the versions that a client is willing to change (RFC 9110, 13.1.1).

use domain::command::Precondition;
use domain::error::Error;
use http::HeaderValue;

/// The strong tag of a version.
pub fn etag(version: u64) -> HeaderValue {
    // Digits and quotes are always a header's value.
    HeaderValue::try_from(format!("\"{version}\"")).unwrap_or(HeaderValue::from_static("\"\""))
}

/// What the values of `If-Match` ask for. `*` asks for any version. A weak tag, or one that is no version, is equal to none of ours.
pub(crate) fn precondition(values: &[String]) -> Result<Precondition, Error> {
    if values.is_empty() {
        return Ok(Precondition::None);
    }
    let mut versions = Vec::new();
    for value in values {
        if value.trim() == "*" {
            return Ok(Precondition::None);
        }
        let mut rest = value.trim_start_matches([' ', '\t', ',']);
        while !rest.is_empty() {
            let (version, behind) = tag(rest).ok_or_else(bad)?;
            versions.extend(version);
            rest = behind.trim_start_matches([' ', '\t']);
            if !rest.is_empty() && !rest.starts_with(',') {
                return Err(bad());
            }
            rest = rest.trim_start_matches([' ', '\t', ',']);
        }
    }
    Ok(Precondition::Versions(versions))
}

fn bad() -> Error {
    Error::invalid("If-Match", "is *, or a list of entity tags such as \"3\", as ETag gave them")
}

/// The version that the first tag names, if it names one, and what stands behind the tag.
fn tag(text: &str) -> Option<(Option<u64>, &str)> {
    let (weak, text) = text.strip_prefix("W/").map_or((false, text), |text| (true, text));
    let (opaque, rest) = text.strip_prefix('"')?.split_once('"')?;
    let canonical = |version: &u64| version.to_string() == opaque;
    let version = opaque.parse().ok().filter(canonical).filter(|_| !weak);
    Some((version, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&str]) -> Result<Precondition, Error> {
        precondition(&values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn versions_are_named_by_their_strong_tags() {
        let versions = |versions: &[u64]| Ok(Precondition::Versions(versions.to_vec()));
        assert_eq!(of(&[]), Ok(Precondition::None));
        assert_eq!(of(&["*"]), Ok(Precondition::None));
        assert_eq!(of(&["\"3\""]), versions(&[3]));
        assert_eq!(of(&["\"3\", \"4\",,\"x,y\"", "\"5\""]), versions(&[3, 4, 5]));
        assert_eq!(of(&["W/\"3\""]), versions(&[]));
        assert_eq!(of(&["\"03\""]), versions(&[]));
        assert_eq!(of(&["\"99999999999999999999\""]), versions(&[]));
        assert_eq!(of(&[""]), versions(&[]));
        assert_eq!(etag(7), "\"7\"");
    }

    #[test]
    fn what_is_no_list_of_tags_is_refused() {
        for bad in ["3", "\"3", "\"3\"\"4\"", "\"3\" 4", "W/3", "\"3\", *", "é"] {
            assert!(of(&[bad]).is_err(), "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_value_panics(value in "([\"W/*, 0-9a]|\\PC){0,20}") {
            let _ = precondition(&[value]);
        }
    }
}
