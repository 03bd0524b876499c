//! docs/openapi.json as a test reads it: its operations, its schemas, and whether an answer is one that it promises.

use http::Method;
use it::{Answer, Client, Host, Setup};
use serde_json::{Value, json};

/// The id that stands in the document's examples for "a task of the user's".
pub const EXAMPLE_ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

/// The document.
pub struct Document(Value);

/// Where a path is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listener {
    Public,
    Ops,
    App,
}

impl Listener {
    fn of(item: &Value) -> Self {
        match item["servers"][0]["description"].as_str() {
            None => Self::Public,
            Some(said) if said.contains("--ops-listen") => Self::Ops,
            Some(said) if said.contains("--app-listen") => Self::App,
            Some(other) => panic!("which listener is {other}"),
        }
    }

    /// Who calls it on a host, where it is not the public one.
    pub fn client(self, host: &Host) -> Option<Client> {
        match self {
            Self::Public => None,
            Self::Ops => Some(Client::new(&host.ops)),
            Self::App => Some(host.as_sidecar()),
        }
    }
}

/// One operation, with every `$ref` on its first level followed.
#[derive(Clone, Debug)]
pub struct Operation {
    pub id: String,
    pub method: Method,
    /// With its `{id}`.
    pub path: String,
    pub listener: Listener,
    pub parameters: Vec<Value>,
    /// One entry an alternative; empty where no credentials are needed.
    pub security: Vec<Value>,
    pub body: Option<Value>,
    pub responses: Value,
}

impl Document {
    /// The one in the repository, which the test of `/openapi.json` compares with the one served.
    pub fn read() -> Self {
        Self(serde_json::from_str(include_str!("../../docs/openapi.json")).expect("docs/openapi.json is JSON"))
    }

    pub fn value(&self) -> &Value {
        &self.0
    }

    /// Every path with where it is served and the methods that it has.
    pub fn paths(&self) -> Vec<(String, Listener, Vec<Method>)> {
        let paths = self.0["paths"].as_object().expect("paths");
        let methods = |item: &Value| item.as_object().expect("a path item").keys().filter_map(|key| method(key)).collect();
        paths.iter().map(|(path, item)| (path.clone(), Listener::of(item), methods(item))).collect()
    }

    pub fn operations(&self) -> Vec<Operation> {
        let paths = self.0["paths"].as_object().expect("paths");
        paths.iter().flat_map(|(path, item)| self.operations_of(path, item)).collect()
    }

    fn operations_of(&self, path: &str, item: &Value) -> Vec<Operation> {
        let members = item.as_object().expect("a path item").iter();
        let operation = |method: Method, operation: &Value| {
            let parameters = [&item["parameters"], &operation["parameters"]];
            let parameters = parameters.iter().filter_map(|list| list.as_array()).flatten();
            Operation {
                id: operation["operationId"].as_str().expect("an operationId").to_owned(),
                method,
                path: path.to_owned(),
                listener: Listener::of(item),
                parameters: parameters.map(|parameter| self.follow(parameter).clone()).collect(),
                security: operation["security"].as_array().expect("security is said for each operation").clone(),
                body: operation.get("requestBody").cloned(),
                responses: operation["responses"].clone(),
            }
        };
        members.filter_map(|(name, value)| Some(operation(method(name)?, value))).collect()
    }

    /// What a `$ref` refers to, or the node itself.
    pub fn follow<'a>(&'a self, node: &'a Value) -> &'a Value {
        let Some(reference) = node["$ref"].as_str() else { return node };
        let pointer = reference.strip_prefix('#').expect("a reference into the document");
        self.follow(self.0.pointer(pointer).unwrap_or_else(|| panic!("{reference} leads nowhere")))
    }

    fn validator(&self, schema: &Value) -> jsonschema::Validator {
        let root = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "allOf": [schema],
            "components": self.0["components"],
        });
        let options = jsonschema::options().should_validate_formats(true);
        options.build(&root).unwrap_or_else(|error| panic!("{error} in {schema}"))
    }

    pub fn is_valid(&self, schema: &Value, instance: &Value) -> bool {
        self.validator(schema).is_valid(instance)
    }

    /// Everything about the instance that the schema does not allow.
    pub fn faults(&self, schema: &Value, instance: &Value) -> Vec<String> {
        let validator = self.validator(schema);
        validator.iter_errors(instance).map(|error| format!("{}: {error}", error.instance_path())).collect()
    }

    /// Fails unless the operation documents this answer: its status, its headers, its media type, its body.
    pub fn check(&self, operation: &Operation, what: &str, answer: &Answer) {
        let at = format!("{} with {what}: {} {}", operation.id, answer.status, answer.text);
        let documented = &operation.responses[answer.status.as_str()];
        assert!(documented.is_object(), "a status that is not documented: {at}");
        let response = self.follow(documented);
        for (name, header) in response["headers"].as_object().into_iter().flatten() {
            self.check_header(&at, name, self.follow(header), answer.header(name));
        }
        let sent = answer.header("content-type").map(|full| full.split(';').next().unwrap_or(full).trim());
        let Some(content) = response["content"].as_object() else {
            assert!(answer.text.is_empty() && sent.is_none(), "a body that is not documented: {at}");
            return;
        };
        let sent = sent.unwrap_or_else(|| panic!("no content-type: {at}"));
        let media = content.get(sent).unwrap_or_else(|| panic!("{sent} is not documented: {at}"));
        let body = if sent.ends_with("json") { answer.json() } else { json!(answer.text) };
        let faults = self.faults(&media["schema"], &body);
        assert!(faults.is_empty(), "{faults:#?} in {at}");
        if sent == "application/problem+json" {
            answer.problem(answer.status.as_u16());
        }
    }

    fn check_header(&self, at: &str, name: &str, header: &Value, sent: Option<&str>) {
        match sent {
            Some(value) => {
                let faults = self.faults(&header["schema"], &json!(value));
                assert!(faults.is_empty(), "{name}: {faults:#?} in {at}");
            }
            // Spin gives requests no ids (tests/spin-has-not.txt).
            None if name == "x-request-id" && Setup::of_this_run() == Setup::Spin => {}
            None => assert_ne!(header["required"], true, "no {name}: {at}"),
        }
    }
}

impl Operation {
    /// The parameters that are sent there: `query`, `header`, `path`.
    pub fn parameters_in(&self, place: &str) -> impl Iterator<Item = &Value> {
        self.parameters.iter().filter(move |parameter| parameter["in"] == place)
    }

    /// The scopes that a bearer token needs; none where no credentials are needed.
    pub fn scopes(&self) -> Option<Vec<String>> {
        let bearer = self.security.iter().find_map(|way| way["bearer"].as_array())?;
        Some(bearer.iter().filter_map(|scope| scope.as_str().map(str::to_owned)).collect())
    }

    /// The examples of its body: name, media type, value. With `task` in place of [`EXAMPLE_ID`].
    pub fn examples(&self, task: &str) -> Vec<(String, String, Value)> {
        let Some(body) = &self.body else { return Vec::new() };
        let mut found = Vec::new();
        for (media, content) in body["content"].as_object().expect("content") {
            let examples = content["examples"].as_object();
            let examples = examples.unwrap_or_else(|| panic!("{} has no example of a {media} body", self.id));
            for (name, example) in examples {
                let text = example["value"].to_string().replace(EXAMPLE_ID, task);
                found.push((name.clone(), media.clone(), serde_json::from_str(&text).expect("JSON")));
            }
        }
        found
    }

    /// The schema of its JSON body.
    pub fn body_schema(&self) -> Option<&Value> {
        self.schema_of("application/json")
    }

    /// The schema of a body of this type.
    pub fn schema_of(&self, media: &str) -> Option<&Value> {
        self.body.as_ref()?["content"].get(media)?.get("schema")
    }
}

fn method(key: &str) -> Option<Method> {
    let known = ["get", "put", "post", "patch", "delete", "options"];
    known.contains(&key).then(|| Method::from_bytes(key.to_uppercase().as_bytes()).expect("a method"))
}
