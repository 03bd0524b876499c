//! Which database, and how it is used. Its password is shown by nothing here.

use super::OpenError;
use crate::secret::Secret;
use crate::store::StoreError;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

/// What comes before the parts of a URL.
const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];
/// A writer and three readers, one of which listens.
const FEWEST_CONNECTIONS: usize = 4;
/// Most of what waits for a connection waits for the database.
const MOST_WRITERS: u32 = 4;

/// A PostgreSQL database.
#[derive(Clone)]
pub struct DatabaseConfig {
    options: PgConnectOptions,
    connections: u32,
    statement_timeout: Duration,
}

impl DatabaseConfig {
    /// From the URL, the most connections at one time, and how long a statement may take. An error says what is wrong and shows
    /// no secret.
    pub fn new(url: &Secret, connections: usize, statement_timeout: Duration) -> Result<Self, String> {
        let form = "postgres://USER:PASSWORD@HOST:5432/DATABASE";
        let text = url.expose();
        let rest = SCHEMES.iter().find_map(|scheme| text.strip_prefix(scheme));
        let rest = rest.ok_or_else(|| format!("a database URL looks like {form}"))?;
        if rest.split_once(['/', '?', '#']).is_some_and(|(_, path)| path.contains('@')) {
            return Err(
                "characters of the password that mean something in a URL are written %2F for /, %3F for ?, %23 for #, %40 for @"
                    .to_owned(),
            );
        }
        let options: PgConnectOptions = text.parse().map_err(|error: sqlx::Error| match error {
            sqlx::Error::Configuration(why) => format!("it is no database URL ({why}); one looks like {form}"),
            _ => format!("it is no database URL; one looks like {form}"),
        })?;
        let connections = u32::try_from(connections).ok().filter(|count| *count as usize >= FEWEST_CONNECTIONS);
        let connections = connections.ok_or_else(|| format!("a host needs {FEWEST_CONNECTIONS} database connections or more"))?;
        Ok(Self { options: as_near_as_it_is(options), connections, statement_timeout })
    }

    /// How a connection is made.
    pub(super) fn options(&self) -> PgConnectOptions {
        let millis = |time: Duration| format!("{}ms", time.as_millis());
        self.bare_options().statement_cache_capacity(256).options([
            ("statement_timeout", millis(self.statement_timeout)),
            ("lock_timeout", millis(self.statement_timeout / 2)),
            // A host that stands still must not hold up the others.
            ("idle_in_transaction_session_timeout", millis(self.statement_timeout)),
            ("jit", "off".to_owned()),
        ])
    }

    /// As [`Self::options`], for what may take its time.
    pub(super) fn bare_options(&self) -> PgConnectOptions {
        use sqlx::ConnectOptions;
        let named = self.options.clone().disable_statement_logging();
        if named.get_application_name().is_some() { named } else { named.application_name("tidings") }
    }

    pub(super) fn writers(&self) -> u32 {
        (self.connections / 4).clamp(1, MOST_WRITERS)
    }

    pub(super) fn readers(&self) -> u32 {
        self.connections - self.writers()
    }

    /// After this time, whoever waits for the database is told that it does not answer: it should have said so itself before.
    pub(super) fn patience(&self) -> Duration {
        self.statement_timeout + Duration::from_secs(1)
    }

    pub(super) fn host(&self) -> String {
        match self.options.get_socket() {
            Some(socket) => socket.display().to_string(),
            None => format!("{}:{}", self.options.get_host(), self.options.get_port()),
        }
    }

    pub(super) fn user(&self) -> &str {
        self.options.get_username()
    }

    pub(super) fn name(&self) -> &str {
        self.options.get_database().unwrap_or(self.user())
    }

    pub(super) fn unavailable(&self, error: &StoreError) -> OpenError {
        OpenError::Unavailable { place: self.to_string(), reason: error.to_string() }
    }
}

/// On the same machine nobody is in between, and TLS has a price there: sqlx 0.9.0 leaves Nagle's algorithm on, which on loopback holds up each
/// statement of more than one TLS record (16 KiB) for 40 ms. So it is used there only where the URL asks for it.
fn as_near_as_it_is(options: PgConnectOptions) -> PgConnectOptions {
    let host = options.get_host();
    let here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    match options.get_ssl_mode() {
        PgSslMode::Prefer if here => options.ssl_mode(PgSslMode::Disable),
        _ => options,
    }
}

/// Its name and its place.
impl fmt::Display for DatabaseConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}", self.name(), self.host())
    }
}

impl fmt::Debug for DatabaseConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseConfig({self}, {} connections, {:?})", self.connections, self.statement_timeout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(url: &str) -> Result<DatabaseConfig, String> {
        DatabaseConfig::new(&Secret::new(url), 16, Duration::from_secs(10))
    }

    #[test]
    fn a_url_names_user_host_and_database_and_the_password_is_never_shown() {
        let config = config("postgres://ada:hunter2@db.example.org/tasks?sslmode=require").unwrap();
        assert_eq!(config.to_string(), "tasks on db.example.org:5432");
        assert_eq!((config.user(), config.writers(), config.readers()), ("ada", 4, 12));
        assert!(!format!("{config:?} {config}").contains("hunter2"));
    }

    #[test]
    fn tls_is_used_on_the_same_machine_where_it_is_asked_for() {
        let tls = |url: &str| !matches!(config(url).unwrap().options.get_ssl_mode(), PgSslMode::Disable);
        for here in ["localhost", "127.0.0.1"] {
            assert!(!tls(&format!("postgres://ada@{here}/tasks")));
            assert!(tls(&format!("postgres://ada@{here}/tasks?sslmode=require")));
        }
        assert!(tls("postgres://ada@db.example.org/tasks"));
    }

    #[test]
    fn what_is_no_url_is_refused_in_words_that_show_no_password() {
        for bad in [
            "",
            "mysql://ada:hunter2@x/y",
            "postgres://ada:hunter2@x:port/y",
            "postgres://ada:12/hunter2@x/y",
            "postgres://ada:12#hunter2@x/y",
            "postgres://ada:hunter2@x/y?sslmode=perhaps",
        ] {
            let error = config(bad).unwrap_err();
            assert!(!error.contains("hunter2"), "{error}");
        }
        let few = DatabaseConfig::new(&Secret::new("postgres://x/y"), 3, Duration::from_secs(1));
        assert!(few.unwrap_err().contains("4"));
    }
}
