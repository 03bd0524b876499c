//! The document against the server: every operation, with good input and bad, and every answer held to its schema.

use crate::bad_input;
use crate::document::{Document, Operation};
use crate::fixture::{Fixture, Request, document, send, token};
use http::Method;
use it::{Answer, Client, Host};
use serde_json::{Value, json};

/// An answer to bad input is documented, and has this status.
fn refused(document: &Document, operation: &Operation, what: &str, answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{} with {what}: {}", operation.id, answer.text);
    document.check(operation, what, answer);
}

/// ... and names this field.
fn refused_by_name(document: &Document, operation: &Operation, what: &str, answer: &Answer, field: &str) {
    refused(document, operation, what, answer, 422);
    let paths = answer.faults(422);
    let names = |path: &String| path.split(['.', '[', '/']).find(|part| !part.is_empty()) == Some(field);
    assert!(paths.iter().any(names), "{} with {what}: {field} is not named in {}", operation.id, answer.text);
}

#[test]
fn the_document_agrees_with_itself() {
    let document = document();
    let mut ids = Vec::new();
    for operation in document.operations() {
        for (name, media, value) in operation.examples(crate::document::EXAMPLE_ID) {
            let schema = operation.schema_of(&media).or(operation.body_schema()).expect("a schema");
            assert_eq!(document.faults(schema, &value), Vec::<String>::new(), "{} {name}", operation.id);
        }
        let held = operation.path.matches('{').count();
        assert_eq!(operation.parameters_in("path").count(), held, "{}", operation.id);
        assert!(operation.responses.as_object().is_some_and(|all| all.keys().any(|status| status.starts_with('2'))));
        assert_eq!(operation.scopes().is_some(), operation.responses.get("401").is_some() && operation.id != "signIn");
        ids.push(operation.id);
    }
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), count), (count, count), "an operationId twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_served() {
    let host = it::shared();
    let answer = host.client().get("/openapi.json").await;
    assert_eq!(answer.status, 200);
    assert_eq!(&answer.json(), Document::read().value());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_does_what_it_documents_with_good_input() {
    // A host of its own: the examples sign up an address.
    let (host, document) = (Host::start(), document());
    for operation in document.operations() {
        let names: Vec<_> = Fixture::of(&host, &operation).await.requests(&operation).into_iter().map(|(name, _)| name).collect();
        for (index, name) in names.iter().enumerate() {
            let fixture = Fixture::of(&host, &operation).await;
            let (_, request) = fixture.requests(&operation).remove(index);
            let answer = fixture.send(&operation, &request, &fixture.client).await;
            assert!(answer.status.is_success(), "{} with {name}: {} {}", operation.id, answer.status, answer.text);
            document.check(&operation, name, &answer);
            follow_location(&host, &fixture.client, &answer).await;
        }
    }
}

async fn follow_location(host: &Host, client: &Client, answer: &Answer) {
    if let Some(path) = answer.header("location") {
        let there = client.get(path).await;
        assert_eq!((there.status.as_u16(), there.json()), (200, answer.json()), "{} {path}", host.public);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_refuses_a_bad_body() {
    let (host, document) = (it::shared(), document());
    for operation in document.operations() {
        let Some(schema) = operation.body_schema() else { continue };
        let fixture = Fixture::of(&host, &operation).await;
        let (_, _, good) = operation.examples(&fixture.task).remove(0);
        for bad in bad_input::bodies(&document, schema, &good) {
            let request = Request::json("application/json", &bad.body);
            let answer = fixture.send(&operation, &request, &fixture.client).await;
            let what = bad.body.to_string();
            match &bad.field {
                Some(field) if !answer.json()["operation"].is_number() => {
                    refused_by_name(&document, &operation, &what, &answer, field);
                }
                _ => refused(&document, &operation, &what, &answer, 422),
            }
        }
        let text = good.to_string();
        for (what, media, body, status) in [
            ("half a body", "application/json", &text[..text.len() - 1], 400),
            ("no body", "application/json", "", 400),
            ("two bodies", "application/json", "{}{}", 400),
            ("no JSON", "application/json", "title=x", 400),
            ("another media type", "text/plain", text.as_str(), 415),
            ("a form", "application/x-www-form-urlencoded", "title=x", 415),
            ("a body without end", "application/json", &format!("{{\"x\":\"{}\"}}", "x".repeat(1 << 20)), 413),
        ] {
            let request = Request { body: Some((media.to_owned(), body.to_owned())), ..Request::default() };
            let answer = fixture.send(&operation, &request, &fixture.client).await;
            refused(&document, &operation, what, &answer, status);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_refuses_a_bad_parameter() {
    let (host, document) = (it::shared(), document());
    for operation in document.operations().into_iter().filter(|operation| operation.responses.get("422").is_some()) {
        let fixture = Fixture::of(&host, &operation).await;
        let good = fixture.good(&operation);
        let answer = fixture.send(&operation, &good.clone().with_query("no_such_parameter", "1"), &fixture.client).await;
        refused_by_name(&document, &operation, "an unknown parameter", &answer, "no_such_parameter");
        for parameter in operation.parameters_in("query") {
            let name = parameter["name"].as_str().expect("a name");
            for value in bad_input::parameter_values(&document, parameter) {
                let answer = fixture.send(&operation, &good.clone().with_query(name, &value), &fixture.client).await;
                refused_by_name(&document, &operation, &format!("{name}={value}"), &answer, name);
            }
        }
        for parameter in operation.parameters_in("header").filter(|parameter| parameter["name"] == "Idempotency-Key") {
            for value in bad_input::parameter_values(&document, parameter) {
                let answer =
                    fixture.send(&operation, &good.clone().with_header("Idempotency-Key", &value), &fixture.client).await;
                refused_by_name(&document, &operation, &format!("key {value:?}"), &answer, "Idempotency-Key");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_refuses_a_stale_version() {
    let (host, document) = (it::shared(), document());
    for operation in document.operations() {
        if !operation.parameters_in("header").any(|parameter| parameter["name"] == "If-Match") {
            continue;
        }
        let fixture = Fixture::of(&host, &operation).await;
        for stale in ["\"999\"", "W/\"999\"", "\"x\"", "\"0\", \"7\""] {
            let request = fixture.good(&operation).with_header("If-Match", stale);
            let answer = fixture.send(&operation, &request, &fixture.client).await;
            refused(&document, &operation, stale, &answer, 412);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_id_that_is_none_is_a_404() {
    let (host, document) = (it::shared(), document());
    for operation in document.operations().into_iter().filter(|operation| operation.path.contains("{id}")) {
        let fixture = Fixture::of(&host, &operation).await;
        let request = fixture.good(&operation);
        let unknown = "01890a5d-ac96-774b-bcce-b302099a0000";
        for id in [unknown, "x", "0", "%00", "%F0%9F%A6%80", "..%2Ftodos", "' OR 1=1 --", &"9".repeat(2_000), &fixture.id[1..]] {
            let answer = send(&fixture.client, fixture.build(&operation, id, &request, &fixture.client)).await;
            refused(&document, &operation, id, &answer, 404);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_asks_for_credentials_and_scopes() {
    let (host, document) = (it::shared(), document());
    for operation in document.operations() {
        let Some(scopes) = operation.scopes() else { continue };
        let fixture = Fixture::of(&host, &operation).await;
        let request = fixture.good(&operation);
        let nobody = fixture.client.anonymous();
        let answer = fixture.send(&operation, &request, &nobody).await;
        refused(&document, &operation, "no credentials", &answer, 401);
        for wrong in ["Bearer nonsense", "Bearer", "Basic eDp5", "nonsense", "Bearer a b", "Bearer e30.e30.e30"] {
            let answer = fixture.send(&operation, &request.clone().with_header("Authorization", wrong), &nobody).await;
            refused(&document, &operation, wrong, &answer, 401);
        }
        let bearer = format!("Bearer {}", fixture.client.token.as_deref().unwrap_or_default());
        let twice = request.clone().with_header("Authorization", &bearer).with_header("Authorization", &bearer);
        let answer = fixture.send(&operation, &twice, &nobody).await;
        refused(&document, &operation, "two Authorization headers", &answer, 400);
        for scope in &scopes {
            let all = ["tasks:read", "tasks:write", "account"];
            let implies = |other: &str| other == scope || (scope == "tasks:read" && other == "tasks:write");
            let others: Vec<_> = all.into_iter().filter(|other| !implies(other)).collect();
            let (_, secret) = token(&fixture.client, &others).await;
            let answer = fixture.send(&operation, &request, &fixture.client.with_token(&secret)).await;
            refused(&document, &operation, &format!("all scopes but {scope}"), &answer, 403);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn scopes_that_suffice_are_enough() {
    let (host, document) = (it::shared(), document());
    for operation in document.operations() {
        let Some(scopes) = operation.scopes() else { continue };
        let fixture = Fixture::of(&host, &operation).await;
        let mut scopes: Vec<_> = scopes.iter().map(String::as_str).collect();
        if scopes.is_empty() || operation.id == "createToken" {
            // A token has one scope at least, and gives no more than it has.
            scopes.extend(["tasks:read", "tasks:write"]);
        }
        let (_, secret) = token(&fixture.client, &scopes).await;
        let answer = fixture.send(&operation, &fixture.good(&operation), &fixture.client.with_token(&secret)).await;
        assert!(answer.status.is_success(), "{}: {} {}", operation.id, answer.status, answer.text);
        document.check(&operation, "no more scopes than it needs", &answer);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_other_method_is_a_405() {
    let (host, document) = (it::shared(), document());
    let user = host.someone().await;
    for (path, listener, methods) in document.paths() {
        let client = listener.client(&host).unwrap_or_else(|| user.clone());
        let path = path.replace("{id}", "01890a5d-ac96-774b-bcce-b302099a0000");
        for method in [Method::GET, Method::PUT, Method::POST, Method::PATCH, Method::DELETE] {
            if methods.contains(&method) {
                continue;
            }
            let answer = client.send(client.request(method.clone(), &path).json(&json!({}))).await;
            let problem = answer.problem(405);
            assert_eq!(document.faults(&problem_schema(), &problem), Vec::<String>::new(), "{method} {path}");
            let allow = answer.header("allow").unwrap_or_else(|| panic!("{method} {path}: no Allow"));
            for allowed in &methods {
                assert!(allow.split(", ").any(|name| name == allowed.as_str()), "{method} {path}: {allow}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_is_none_is_a_404() {
    let (host, document) = (it::shared(), document());
    let user = host.someone().await;
    for path in
        ["/api", "/api/", "/api/nothing", "/api/todos/", "/api/auth", "/api/todosx", "/api/account/export/x", "/nothing", "//"]
    {
        let problem = user.get(path).await.problem(404);
        assert_eq!(document.faults(&problem_schema(), &problem), Vec::<String>::new(), "{path}");
    }
}

fn problem_schema() -> Value {
    json!({"$ref": "#/components/schemas/Problem"})
}
