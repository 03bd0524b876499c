//! `GET /api/stream/tasks`: a stream that looks into the log every now and then. Of each reader no more is kept than a number; one that
//! takes nothing is not read for.

use super::frame::{self, HEARTBEAT, LastEventId};
use domain::account::Scope;
use domain::input;
use domain::ports::Failure;
use guest::Problem;
use guest::http::{Answer, Request, pieces};
use http::HeaderMap;
use http::header::{AUTHORIZATION, CACHE_CONTROL, COOKIE, HOST, HeaderName, HeaderValue, ORIGIN};
use rand::Rng;
use spin_host::clock;
use spin_host::db::StoreError;
use spin_host::identity::{self, Credentials, Denied, Origin, Principal};
use spin_host::store::{self, log};
use std::time::Duration;
use uuid::Uuid;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(250);
/// Looks without an event until the next heartbeat: 15 seconds.
const QUIET: u32 = 60;
/// Events that are read from the log at one time.
const PAGE: u32 = 100;
/// What becomes of the database's errors while a stream is open: so many looks later it ends, and the client comes back.
const PATIENCE: u32 = 20;

/// Answers with the stream, or says who may not have it.
pub async fn open(request: &Request, headers: &HeaderMap) -> Result<Answer, Problem> {
    let principal = identity::authenticate(&credentials(request.method(), headers)).await.map_err(problem)?;
    if !principal.allows(Scope::TasksRead) {
        return Err(Failure::Forbidden(Scope::TasksRead.name().to_owned()).into());
    }
    input::no_params(request.query())?;
    let seen = LastEventId::parse(headers.get_all("last-event-id"));
    let (mut reader, opening) = Reader::open(principal, seen).await.map_err(Failure::from)?;
    let mut answer = pieces("text/event-stream", opening, async move || Ok(reader.next().await));
    let headers = answer.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(answer)
}

fn credentials(method: &str, headers: &HeaderMap) -> Credentials {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let all = |name: HeaderName| headers.get_all(name).iter().map(text).collect();
    let one = |name: HeaderName| headers.get(name).map(text);
    Credentials {
        method: method.to_owned(),
        authorization: all(AUTHORIZATION),
        cookie: all(COOKIE),
        origin: one(ORIGIN),
        sec_fetch_site: one(HeaderName::from_static("sec-fetch-site")),
        host: one(HOST),
    }
}

fn problem(denied: Denied) -> Problem {
    match denied {
        Denied::Missing => guest::identity::Denied::Missing,
        Denied::Invalid => guest::identity::Denied::Invalid,
        Denied::Ambiguous => guest::identity::Denied::Ambiguous,
        Denied::CrossSite => guest::identity::Denied::CrossSite,
        Denied::Unavailable(why) => guest::identity::Denied::Unavailable(why),
    }
    .into()
}

/// One client's stream.
struct Reader {
    principal: Principal,
    /// What lets the client in: its sign-in or token.
    by: Uuid,
    /// The number of the last event that was shown, or need not be.
    last: u64,
    quiet: u32,
    failures: u32,
}

impl Reader {
    async fn open(principal: Principal, seen: LastEventId) -> Result<(Self, String), StoreError> {
        let by = match principal.origin {
            Origin::SignIn(id) | Origin::Token(id) => id,
            Origin::Component => Uuid::nil(),
        };
        let pulse = log::pulse(&principal.user, by, clock::now()).await?;
        let oldest = log::oldest(&principal.user).await?;
        let mut opening = frame::retry(rand::rng().random_range(1_000..3_000));
        let last = seen.resume(pulse.last, oldest).unwrap_or_else(|| {
            opening.push_str(&frame::resync(pulse.last));
            pulse.last
        });
        Ok((Self { principal, by, last, quiet: 0, failures: 0 }, opening))
    }

    /// The next bytes for the client; `None` when the stream is over.
    async fn next(&mut self) -> Option<String> {
        loop {
            match self.look().await {
                Ok(None) => return None,
                Ok(Some(text)) if !text.is_empty() => {
                    (self.quiet, self.failures) = (0, 0);
                    return Some(text);
                }
                Ok(Some(_)) => self.failures = 0,
                Err(_) if self.failures < PATIENCE => self.failures += 1,
                Err(_) => return None,
            }
            clock::sleep(PAUSE).await;
            self.quiet += 1;
            if self.quiet >= QUIET {
                self.quiet = 0;
                return Some(HEARTBEAT.to_owned());
            }
        }
    }

    /// What there is now, perhaps nothing; `None` once the client has no right to it any more.
    async fn look(&mut self) -> Result<Option<String>, StoreError> {
        let (user, now) = (&self.principal.user, clock::now());
        let pulse = log::pulse(user, self.by, now).await?;
        if !pulse.valid || self.principal.expires_at.is_some_and(|at| at <= now) {
            return Ok(None);
        }
        if pulse.due {
            store::catch_up(user, now).await?;
        }
        if pulse.last == self.last && !pulse.due {
            return Ok(Some(String::new()));
        }
        let mut out = String::new();
        for event in log::after(user, self.last, PAGE).await? {
            if event.sequence != self.last + 1 {
                // The log no longer has what comes next: the client has to load everything anew.
                self.last = pulse.last.max(event.sequence);
                out.push_str(&frame::resync(self.last));
                break;
            }
            self.last = event.sequence;
            out.push_str(&frame::event(&event));
        }
        Ok(Some(out))
    }
}
