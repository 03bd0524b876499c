//! `/api/auth`, `/api/tokens`, `/api/account`, `/api/preferences`: a shell around the ports `identity` and `ledger`.
//!
//! It reads requests and shapes answers. Passwords, keys and tokens are the host's; what a good value is, the domain's.

mod cookie;
mod shapes;

use cookie::Cookie;
use domain::change::Source;
use domain::export::Export;
use domain::input::{self, Format};
use domain::json;
use domain::ports::Clock as _;
use domain::todos::change_preferences;
use guest::http::{Answer, Incoming, Request, empty, json as answer_json, pieces, serve};
use guest::{Clock, Problem, identity};
use shapes::{Created, Items, SignedIn, Token, User};
use spin_sdk::http::{HeaderName, HeaderValue, StatusCode};
use spin_sdk::http_service;

const CACHE_CONTROL: HeaderName = HeaderName::from_static("cache-control");
const CONTENT_DISPOSITION: HeaderName = HeaderName::from_static("content-disposition");
const SET_COOKIE: HeaderName = HeaderName::from_static("set-cookie");

#[http_service]
async fn handle(request: spin_sdk::http::Request) -> Answer {
    let mut answer = serve(request, route).await;
    // Who somebody is, and what is theirs alone, is in no cache.
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

async fn route(request: &Request, body: Incoming) -> Result<Answer, Problem> {
    match (request.segments().as_slice(), request.method()) {
        (["api", "auth", "sign-up"], "POST") => sign_up(request, body).await,
        (["api", "auth", "sign-in"], "POST") => sign_in(request, body).await,
        (["api", "auth", "sign-out"], "POST") => sign_out(request).await,
        (["api", "auth", "sign-up" | "sign-in" | "sign-out"], _) => Err(Problem::method_not_allowed("POST")),
        (["api", "auth", "me"], "GET") => me(request).await,
        (["api", "auth", "me"], _) => Err(Problem::method_not_allowed("GET")),
        (["api", "tokens"], "GET") => list_tokens(request).await,
        (["api", "tokens"], "POST") => create_token(request, body).await,
        (["api", "tokens"], _) => Err(Problem::method_not_allowed("GET, POST")),
        (["api", "tokens", id], "DELETE") => revoke_token(request, id).await,
        (["api", "tokens", _], _) => Err(Problem::method_not_allowed("DELETE")),
        (["api", "account"], "DELETE") => delete_account(request, body).await,
        (["api", "account"], _) => Err(Problem::method_not_allowed("DELETE")),
        (["api", "account", "password"], "PUT") => change_password(request, body).await,
        (["api", "account", "password"], _) => Err(Problem::method_not_allowed("PUT")),
        (["api", "account", "export"], "GET") => export(request).await,
        (["api", "account", "export"], _) => Err(Problem::method_not_allowed("GET")),
        (["api", "preferences"], "GET") => preferences(request).await,
        (["api", "preferences"], "PUT") => put_preferences(request, body).await,
        (["api", "preferences"], _) => Err(Problem::method_not_allowed("GET, PUT")),
        _ => Err(Problem::not_found("Nothing is here.")),
    }
}

async fn sign_up(request: &Request, body: Incoming) -> Result<Answer, Problem> {
    input::no_params(request.query())?;
    let new = input::sign_up(&body.read().await?)?;
    let signed_in = identity::sign_up(new.email, new.password.into_inner(), new.name).await?;
    Ok(answer_signed_in(request, StatusCode::CREATED, &signed_in))
}

async fn sign_in(request: &Request, body: Incoming) -> Result<Answer, Problem> {
    input::no_params(request.query())?;
    let known = input::sign_in(&body.read().await?)?;
    let signed_in = identity::sign_in(known.email, known.password.into_inner()).await?;
    Ok(answer_signed_in(request, StatusCode::OK, &signed_in))
}

/// Both a cookie for browsers and a bearer token for the rest.
fn answer_signed_in(request: &Request, status: StatusCode, signed_in: &identity::SignedIn) -> Answer {
    let cookie = Cookie::new(&signed_in.access_token, signed_in.expires_in, request.is_https());
    with(answer_json(status, &SignedIn::from(signed_in)), SET_COOKIE, cookie.value())
}

async fn sign_out(request: &Request) -> Result<Answer, Problem> {
    let session = request.session().await?;
    input::no_params(request.query())?;
    identity::sign_out(&session).await?;
    let cleared = Cookie::cleared(request.is_https());
    Ok(with(empty(StatusCode::NO_CONTENT), SET_COOKIE, cleared.value()))
}

async fn me(request: &Request) -> Result<Answer, Problem> {
    let session = request.session().await?;
    input::no_params(request.query())?;
    let user = identity::me(&session).await?;
    Ok(answer_json(StatusCode::OK, &User::from(&user)))
}

async fn list_tokens(request: &Request) -> Result<Answer, Problem> {
    let session = request.session().await?;
    input::no_params(request.query())?;
    let tokens = identity::list_tokens(&session).await?;
    Ok(answer_json(StatusCode::OK, &Items { items: tokens.iter().map(Token::from).collect() }))
}

async fn create_token(request: &Request, body: Incoming) -> Result<Answer, Problem> {
    let session = request.session().await?;
    input::no_params(request.query())?;
    let new = input::new_token(&body.read().await?, Clock::default().now())?;
    let scopes = new.scopes.iter().map(|scope| scope.name().to_owned()).collect();
    let (token, secret) = identity::create_token(&session, new.name, scopes, new.expires_at).await?;
    Ok(answer_json(StatusCode::CREATED, &Created::new(&token, &secret)))
}

async fn revoke_token(request: &Request, id: &str) -> Result<Answer, Problem> {
    let session = request.session().await?;
    input::no_params(request.query())?;
    let missing = || Problem::not_found("There is no such token.");
    let id = id.parse().map_err(|_| missing())?;
    if identity::revoke_token(&session, id).await? { Ok(empty(StatusCode::NO_CONTENT)) } else { Err(missing()) }
}

async fn delete_account(request: &Request, body: Incoming) -> Result<Answer, Problem> {
    let session = request.session().await?;
    input::no_params(request.query())?;
    let password = input::account_deletion(&body.read().await?)?;
    identity::delete_account(&session, password.into_inner()).await?;
    let cleared = Cookie::cleared(request.is_https());
    Ok(with(empty(StatusCode::NO_CONTENT), SET_COOKIE, cleared.value()))
}

/// The cookie of who asks goes on as it is.
async fn change_password(request: &Request, body: Incoming) -> Result<Answer, Problem> {
    let session = request.session().await?;
    input::no_params(request.query())?;
    let change = input::password_change(&body.read().await?)?;
    identity::change_password(&session, change.current.into_inner(), change.new.into_inner()).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// The scopes are checked by what is read first, while there is still a status to say it with.
async fn export(request: &Request) -> Result<Answer, Problem> {
    let session = request.session().await?;
    let format = input::export_format(request.query())?;
    let (user, tokens) = (identity::me(&session).await?, identity::list_tokens(&session).await?);
    let now = Clock::default().now();
    let (mut export, content_type, file) = match format {
        Format::Json => {
            let tokens: Vec<Token<'_>> = tokens.iter().map(Token::from).collect();
            let export = Export::json(session, now, json::raw(&User::from(&user)), json::raw(&tokens));
            (export, "application/json", "attachment; filename=\"tidings.json\"")
        }
        Format::Ics => (Export::calendar(session, now), "text/calendar; charset=utf-8", "attachment; filename=\"tidings.ics\""),
    };
    let first = export.next().await?.unwrap_or_default();
    let answer = pieces(content_type, first, async move || export.next().await);
    Ok(with(answer, CONTENT_DISPOSITION, HeaderValue::from_static(file)))
}

async fn preferences(request: &Request) -> Result<Answer, Problem> {
    use domain::ports::Session as _;
    let session = request.session().await?;
    input::no_params(request.query())?;
    Ok(answer_json(StatusCode::OK, &session.preferences().await?))
}

async fn put_preferences(request: &Request, body: Incoming) -> Result<Answer, Problem> {
    let session = request.session().await?;
    input::no_params(request.query())?;
    let patch = input::preferences_patch(&body.read().await?)?;
    let changed = change_preferences(&session, &patch, Source::Api).await?;
    Ok(answer_json(StatusCode::OK, &changed))
}

fn with(mut answer: Answer, name: HeaderName, value: HeaderValue) -> Answer {
    answer.headers_mut().insert(name, value);
    answer
}
