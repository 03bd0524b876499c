//! From where `/mcp` may be asked: a page that a browser has loaded elsewhere, or under a name that was bent to this machine (DNS
//! rebinding), is no client of ours.

use super::problem::Problem;
use http::header::{HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, Uri};
use std::net::IpAddr;

/// `Err`: the host that was asked, or the page that asks, is foreign. `authority` is what HTTP/2 has for the
/// host, `url` where clients reach us, if that is known.
pub fn at_home(headers: &HeaderMap, authority: Option<&Authority>, url: Option<&Uri>) -> Result<(), Problem> {
    let host = || headers.get(HOST).and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
    let asked = authority.cloned().or_else(host);
    let public = url.and_then(Uri::authority);
    let is_ours = |asked: &Authority| is_loopback(asked.host()) || public.is_some_and(|public| same(public, asked));
    let asked = asked.filter(is_ours).ok_or_else(Problem::foreign_host)?;
    let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok()?.authority().cloned());
    match origin {
        Some(origin) if same(&origin, &asked) || public.is_some_and(|public| same(public, &origin)) => Ok(()),
        _ => Err(Problem::foreign_origin()),
    }
}

/// Where a scheme's own port is left out it is left out in both.
fn same(one: &Authority, other: &Authority) -> bool {
    let port = |authority: &Authority| authority.port_u16().filter(|port| ![80, 443].contains(port));
    one.host().eq_ignore_ascii_case(other.host()) && port(one) == port(other)
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn allowed(host: &str, origin: Option<&str>, url: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_str(host).unwrap());
        origin.into_iter().for_each(|origin| _ = headers.insert(ORIGIN, HeaderValue::from_str(origin).unwrap()));
        let url = url.map(|url| url.parse().unwrap());
        at_home(&headers, None, url.as_ref()).is_ok()
    }

    #[test]
    fn only_our_own_names_and_pages() {
        let public = Some("https://tasks.example");
        for host in ["localhost:8080", "127.0.0.1:8080", "127.0.0.2", "[::1]:8080", "LOCALHOST"] {
            assert!(allowed(host, None, None) && allowed(host, None, public), "{host}");
        }
        assert!(allowed("tasks.example", None, public) && allowed("tasks.example:443", None, public));
        for host in ["tasks.example", "localhost.evil.example", "10.0.0.1:8080", "evil.example", "127.0.0.1.evil.example", ""] {
            assert!(!allowed(host, None, None), "{host}");
        }
        assert!(!allowed("tasks.example:8443", None, public));
        for origin in ["http://localhost:8080", "https://tasks.example"] {
            assert!(allowed("localhost:8080", Some(origin), public), "{origin}");
        }
        for origin in ["null", "http://localhost:8081", "https://evil.example", "https://tasks.example.evil.example", "tasks", ""]
        {
            assert!(!allowed("localhost:8080", Some(origin), public), "{origin}");
        }
    }
}
