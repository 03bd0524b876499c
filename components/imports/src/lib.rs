//! `POST /api/import`: a shell around `domain::import`. A component of its own, so that no other carries what reads files.

use domain::error::Error;
use domain::import::{self, BadFile, Importer, Refused, Report};
use domain::input;
use domain::ports::{Clock as _, Session as _};
use guest::http::{self, Answer, Incoming, Request, serve};
use guest::{Clock, Problem, identity};
use serde::Serialize;
use spin_sdk::http::StatusCode;
use spin_sdk::http_service;

/// Tasks that one request can bring.
const MOST_ITEMS: usize = 2_000;
/// Lines that are named.
const MOST_REFUSED: usize = 1_000;

#[http_service]
async fn handle(request: spin_sdk::http::Request) -> Answer {
    serve(request, route).await
}

async fn route(request: &Request, body: Incoming) -> Result<Answer, Problem> {
    match (request.path(), request.method()) {
        ("/api/import", "POST") => import(request, body).await,
        ("/api/import", _) => Err(Problem::method_not_allowed("POST")),
        _ => Err(Problem::not_found("Nothing answers to this path.")),
    }
}

/// What came of it.
#[derive(Serialize)]
struct Imported {
    created: usize,
    already: usize,
    /// The first of them.
    refused: Vec<Refused>,
    refused_count: usize,
}

async fn import(request: &Request, body: Incoming) -> Result<Answer, Problem> {
    let (session, clock) = (request.session().await?, Clock::default());
    let params = input::import_params(request.query())?;
    let body = body.read_any().await?;
    let bad = |bad: BadFile| Error::invalid("", bad.to_string());
    let text = std::str::from_utf8(&body).map_err(|_| bad(BadFile::NoText))?;
    let preferences = session.preferences().await.map_err(Error::from)?;
    let import = import::read(text, params.format, preferences.time_zone, clock.now()).map_err(bad)?;
    if import.items.len() > MOST_ITEMS {
        let why = format!("a request brings at most {MOST_ITEMS} tasks, not {}: send the file in parts", import.items.len());
        return Err(Error::invalid("", why).into());
    }
    let user = identity::me(&session).await?;
    let owner = user.id.parse().map_err(|_| Error::invalid("", "this account cannot own tasks"))?;
    let importer = Importer { session: &session, clock: &clock, owner: &owner };
    let Report { created, already, mut refused } = importer.run(import, params.dry_run).await?;
    let refused_count = refused.len();
    refused.truncate(MOST_REFUSED);
    Ok(http::json(StatusCode::OK, &Imported { created, already, refused, refused_count }))
}
