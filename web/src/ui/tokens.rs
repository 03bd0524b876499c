//! API tokens: for scripts, other clients, agents.

use crate::actions;
use crate::api::{self, Trouble};
use crate::dom::{
    Kids, b, button, code, div, ev, fieldset, form, h2, has, input, is_checked, label, legend, li, p, pre, section, span, ul,
    value_of, window,
};
use crate::model::Model;
use crate::reactive::*;
use crate::reading::Page;
use serde::Deserialize;
use serde_json::json;
use wasm_bindgen_futures::spawn_local;

/// What a token may do, and what that is called.
const SCOPES: [(&str, &str); 3] =
    [("tasks:read", "read tasks"), ("tasks:write", "change tasks"), ("account", "manage the account")];

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Token {
    id: String,
    name: String,
    scopes: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct NewToken {
    name: String,
    token: String,
}

pub fn tokens(model: Model) -> impl Kids {
    let (all, made) = (RwSignal::new(Vec::<Token>::new()), RwSignal::new(None::<NewToken>));
    let read = move || {
        spawn_local(async move {
            if let Ok(page) = api::get::<Page<Token>>("/api/tokens").await {
                all.set(page.items);
            }
        });
    };
    read();
    let one = move |token: Token| {
        let revoke =
            button().class("danger").attr("type", "button").attr("aria-label", format!("Revoke {}", token.name)).child("Revoke");
        let revoke = revoke.on(ev::CLICK, move |_| {
            let path = format!("/api/tokens/{}", token.id);
            spawn_local(async move {
                match api::send("DELETE", &path, None, &[]).await.and_then(|answer| answer.done()) {
                    Ok(()) => read(),
                    Err(trouble) => actions::say(model, actions::told(&trouble), Vec::new()),
                }
            });
        });
        li().child((
            div().child((b().attr("dir", "auto").child(token.name), p().class("hint").child(token.scopes.join(", ")))),
            revoke,
        ))
    };
    let list = move || {
        let all = all.get();
        (!all.is_empty())
            .then(|| ul().class("items").attr("aria-label", "API tokens").child(all.into_iter().map(one).collect::<Vec<_>>()))
    };
    section().class("section").attr("aria-labelledby", "s-tokens").child((
        div().child((
            h2().id("s-tokens").child("API tokens"),
            p().child("For scripts, other clients and agents. A token is shown once, when it is made."),
        )),
        div().class("fields").child((list, creation(model, made, read), move || made.get().map(|new| shown(model, &new)))),
    ))
}

fn creation(model: Model, made: RwSignal<Option<NewToken>>, read: impl Fn() + Copy + Send + 'static) -> impl Kids {
    let name = RwSignal::new(String::new());
    let chosen = SCOPES.map(|(scope, _)| RwSignal::new(scope != "account"));
    let create = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let scopes: Vec<&str> =
            SCOPES.iter().zip(chosen).filter(|(_, chosen)| chosen.get_untracked()).map(|((scope, _), _)| *scope).collect();
        let body = json!({"name": name.get_untracked().trim(), "scopes": scopes});
        spawn_local(async move {
            match api::write::<NewToken>("POST", "/api/tokens", &body).await {
                Ok(new) => {
                    made.set(Some(new));
                    name.set(String::new());
                    read();
                }
                Err(Trouble::Refused(why)) => actions::say(model, why, Vec::new()),
                Err(trouble) => actions::say(model, actions::told(&trouble), Vec::new()),
            }
        });
    };
    let scope = |((_, said), chosen): ((&'static str, &'static str), RwSignal<bool>)| {
        let check = input()
            .attr("type", "checkbox")
            .flag("checked", move || chosen.get())
            .on(ev::CHANGE, move |event| chosen.set(is_checked(&event)));
        label().class("choice").child((check, span().child(said)))
    };
    let field = input()
        .id("token-name")
        .attr("type", "text")
        .attr("dir", "auto")
        .value(name)
        .on(ev::INPUT, move |event| name.set(value_of(&event)));
    let named = div().class("field").child((
        label().attr("for", "token-name").child("Name of a new token"),
        div().class("with-button").child((field, " ", button().attr("type", "submit").child("Create token"))),
    ));
    let scopes = fieldset().child((
        legend().class("hint").child("This token may"),
        div().class("segments").child(SCOPES.into_iter().zip(chosen).map(scope).collect::<Vec<_>>()),
    ));
    form().class("fields").on(ev::SUBMIT, create).child((named, scopes))
}

/// The configuration of an MCP client, in the form that most of them read.
fn agent(origin: &str, token: &str) -> String {
    format!(
        "{{\n  \"mcpServers\": {{\n    \"tidings\": {{\n      \"url\": \"{origin}/mcp\",\n      \"headers\": {{ \"Authorization\": \"Bearer {token}\" }}\n    }}\n  }}\n}}"
    )
}

fn shown(model: Model, new: &NewToken) -> impl Kids + use<> {
    let origin = window().location().origin().unwrap_or_default();
    let token = &new.token;
    let example = |name: &'static str, text: String| {
        let clipboard = has(&window().navigator(), "clipboard").then(|| window().navigator().clipboard());
        let copied = text.clone();
        let copy = clipboard.map(|clipboard| {
            button().attr("type", "button").attr("aria-label", format!("Copy: {name}")).child("Copy").on(ev::CLICK, move |_| {
                _ = clipboard.write_text(&copied);
                actions::say(model, "Copied".to_owned(), Vec::new());
            })
        });
        (
            p().class("hint").child(name),
            div().class("code").child((pre().attr("tabindex", "0").attr("aria-label", name).child(code().child(text)), copy)),
        )
    };
    (
        div()
            .class("note")
            .attr("role", "status")
            .child((b().attr("dir", "auto").child(new.name.clone()), " is made. Copy it now: it is not shown again.")),
        example("The token", token.clone()),
        example("Open tasks, with curl", format!("curl -H \"Authorization: Bearer {token}\" \"{origin}/api/todos?status=open\"")),
        example(
            "Changes as they happen (SSE)",
            format!("curl -N -H \"Authorization: Bearer {token}\" \"{origin}/api/stream/tasks\""),
        ),
        example("An AI agent (MCP)", agent(&origin, token)),
    )
}
