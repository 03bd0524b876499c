//! From a request's headers to the one bearer token that speaks for it.

use super::{Credentials, Denied};

/// The session cookie's name.
const COOKIE: &str = "tidings_session";

/// Finds the bearer token. `Authorization` wins: where it is present, cookies are not looked at. A cookie is sent by the
/// browser whoever made it ask, so a write by cookie must be known to come from this origin.
pub(super) fn bearer<'c>(credentials: &'c Credentials, public_url: Option<&str>) -> Result<&'c str, Denied> {
    match credentials.authorization.as_slice() {
        [] => by_cookie(credentials, public_url),
        [value] => from_authorization(value),
        _ => Err(Denied::Ambiguous),
    }
}

/// RFC 6750 section 2.1; the scheme's case does not matter (RFC 9110 section 11.1).
fn from_authorization(value: &str) -> Result<&str, Denied> {
    let (scheme, token) = value.trim_matches([' ', '\t']).split_once(' ').ok_or(Denied::Invalid)?;
    let token = token.trim_start_matches(' ');
    if scheme.eq_ignore_ascii_case("bearer") && is_b64token(token) { Ok(token) } else { Err(Denied::Invalid) }
}

fn by_cookie<'c>(credentials: &'c Credentials, public_url: Option<&str>) -> Result<&'c str, Denied> {
    let token = from_cookies(&credentials.cookie)?;
    let reads = matches!(credentials.method.as_str(), "GET" | "HEAD");
    if reads || same_origin(credentials, public_url) { Ok(token) } else { Err(Denied::CrossSite) }
}

/// Two different session cookies are nobody: one of them was planted for another path or a parent domain.
fn from_cookies(headers: &[String]) -> Result<&str, Denied> {
    let pairs = headers.iter().flat_map(|header| header.split(';')).filter_map(|pair| pair.split_once('='));
    let mut values =
        pairs.filter(|(name, _)| name.trim() == COOKIE).map(|(_, value)| value.trim()).filter(|value| !value.is_empty());
    let token = values.next().ok_or(Denied::Missing)?;
    if values.all(|other| other == token) && is_b64token(token) { Ok(token) } else { Err(Denied::Invalid) }
}

fn is_b64token(token: &str) -> bool {
    let symbol = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    !token.is_empty() && token.bytes().all(symbol)
}

/// `Sec-Fetch-Site` is the browser's own word and cannot be forged by a page; older browsers send `Origin` with every write.
fn same_origin(credentials: &Credentials, public_url: Option<&str>) -> bool {
    if let Some(site) = &credentials.sec_fetch_site {
        return matches!(site.as_str(), "same-origin" | "none");
    }
    let Some(origin) = credentials.origin.as_deref().and_then(Origin::parse) else { return false };
    let own_host = credentials.host.as_deref().is_some_and(|host| origin.is_on(host));
    own_host || public_url.and_then(Origin::parse).is_some_and(|public| public == origin)
}

/// A web origin (RFC 6454), lower-case, without its scheme's own port.
#[derive(PartialEq, Eq)]
struct Origin {
    scheme: String,
    authority: String,
}

impl Origin {
    /// Of an origin or a URL; `None` for `null` and everything that has no authority.
    fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let scheme = scheme.to_ascii_lowercase();
        let authority = rest.split('/').next().filter(|authority| !authority.is_empty())?;
        let authority = without_own_port(&scheme, authority);
        Some(Self { scheme, authority })
    }

    /// The scheme is not compared: behind a proxy that ends TLS the host cannot know it.
    fn is_on(&self, host: &str) -> bool {
        self.authority == without_own_port(&self.scheme, host)
    }
}

fn without_own_port(scheme: &str, authority: &str) -> String {
    let port = if scheme == "https" { ":443" } else { ":80" };
    authority.strip_suffix(port).unwrap_or(authority).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn with_authorization(values: &[&str]) -> Credentials {
        let authorization = values.iter().map(ToString::to_string).collect();
        Credentials { method: "POST".into(), authorization, ..Credentials::default() }
    }

    fn with_cookie(method: &str, cookies: &[&str]) -> Credentials {
        let cookie = cookies.iter().map(ToString::to_string).collect();
        Credentials { method: method.into(), cookie, host: Some("Todo.example:8080".into()), ..Credentials::default() }
    }

    #[test]
    fn the_scheme_is_case_insensitive_and_nothing_else_is_taken() {
        for good in ["Bearer abc", "bearer abc", "BEARER   abc", " Bearer abc "] {
            assert_eq!(bearer(&with_authorization(&[good]), None), Ok("abc"), "{good}");
        }
        for bad in ["", "Bearer", "Bearer ", "Basic abc", "abc", "Bearer a b", "Bearer a,Bearer b", "Bearer \u{e9}", "Bearer a\0"]
        {
            assert_eq!(bearer(&with_authorization(&[bad]), None), Err(Denied::Invalid), "{bad}");
        }
    }

    #[test]
    fn two_authorization_headers_are_ambiguous_even_if_alike() {
        assert_eq!(bearer(&with_authorization(&["Bearer a", "Bearer a"]), None), Err(Denied::Ambiguous));
    }

    #[test]
    fn authorization_hides_the_cookie() {
        let mut credentials = with_authorization(&["Basic abc"]);
        credentials.cookie = vec!["tidings_session=good".into()];
        credentials.method = "GET".into();
        assert_eq!(bearer(&credentials, None), Err(Denied::Invalid));
    }

    #[test]
    fn finds_the_cookie_among_others() {
        for cookies in [
            &["tidings_session=t"][..],
            &["a=b; tidings_session=t; c"],
            &["a=b", "tidings_session=t"],
            &["tidings_session=t;tidings_session=t"],
        ] {
            assert_eq!(bearer(&with_cookie("GET", cookies), None), Ok("t"), "{cookies:?}");
        }
        for cookies in [&[][..], &["a=b"], &["tidings_session="], &["xtidings_session=t"], &["tidings_session"]] {
            assert_eq!(bearer(&with_cookie("GET", cookies), None), Err(Denied::Missing), "{cookies:?}");
        }
        for cookies in [
            &["tidings_session=t; tidings_session=u"][..],
            &["tidings_session=t", "tidings_session=u"],
            &["tidings_session=\"t\""],
        ] {
            assert_eq!(bearer(&with_cookie("GET", cookies), None), Err(Denied::Invalid), "{cookies:?}");
        }
    }

    fn write(site: Option<&str>, origin: Option<&str>) -> Result<(), Denied> {
        let mut credentials = with_cookie("POST", &["tidings_session=t"]);
        credentials.sec_fetch_site = site.map(str::to_owned);
        credentials.origin = origin.map(str::to_owned);
        bearer(&credentials, Some("https://tidings.example")).map(|_| ())
    }

    #[test]
    fn a_cookie_write_must_come_from_here() {
        for site in ["same-origin", "none"] {
            assert_eq!(write(Some(site), None), Ok(()), "{site}");
        }
        for site in ["same-site", "cross-site", "", "SAME-ORIGIN x"] {
            assert_eq!(write(Some(site), Some("http://todo.example:8080")), Err(Denied::CrossSite), "{site}");
        }
        for origin in
            ["http://todo.example:8080", "https://TODO.example:8080", "https://tidings.example", "https://tidings.example:443"]
        {
            assert_eq!(write(None, Some(origin)), Ok(()), "{origin}");
        }
        for origin in [
            "null",
            "",
            "http://todo.example",
            "http://evil.example",
            "http://todo.example:8080.evil.example",
            "http://tidings.example",
        ] {
            assert_eq!(write(None, Some(origin)), Err(Denied::CrossSite), "{origin}");
        }
        assert_eq!(write(None, None), Err(Denied::CrossSite));
    }

    #[test]
    fn only_get_and_head_read() {
        for method in ["GET", "HEAD"] {
            assert_eq!(bearer(&with_cookie(method, &["tidings_session=t"]), None), Ok("t"));
        }
        for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "get", ""] {
            assert_eq!(bearer(&with_cookie(method, &["tidings_session=t"]), None), Err(Denied::CrossSite), "{method}");
        }
    }

    #[test]
    fn a_default_port_is_no_difference() {
        assert!(Origin::parse("https://a.example").unwrap().is_on("a.example:443"));
        assert!(Origin::parse("http://a.example:80").unwrap().is_on("A.example"));
        assert!(!Origin::parse("https://a.example").unwrap().is_on("a.example:80"));
        assert!(Origin::parse("http://[::1]:8080").unwrap().is_on("[::1]:8080"));
    }

    proptest! {
        #[test]
        fn headers_of_any_kind_give_a_token_or_a_denial(authorization in proptest::collection::vec(".*", 0..3), cookie in proptest::collection::vec(".*", 0..3)) {
            let credentials = Credentials { method: "GET".into(), authorization, cookie, ..Credentials::default() };
            if let Ok(token) = bearer(&credentials, None) {
                prop_assert!(is_b64token(token));
            }
        }

        #[test]
        fn a_cookie_is_found_wherever_it_stands(before in "[a-z]{1,8}=[^;=]{0,8}", token in "[A-Za-z0-9_.-]{1,40}", after in "[a-z]{1,8}=[^;=]{0,8}") {
            let credentials = with_cookie("GET", &[&format!("{before}; tidings_session={token}; {after}")]);
            prop_assert_eq!(bearer(&credentials, None), Ok(token.as_str()));
        }
    }
}
