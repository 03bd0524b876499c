//! Tags that are known, offered where one is typed.

use super::fields::line;
use crate::dom::{El, Kids, button, div, ev, li, ul};
use crate::model::Model;
use crate::reactive::*;
use board::tags::{known, offered};

/// The field of the dialog: tags with commas between them.
pub fn field(model: Model, text: RwSignal<String>) -> El {
    let found = Memo::new(move |_| {
        let known = model.meant.with(|tasks| known(tasks));
        let text = text.get();
        let (there, typed) = text.rsplit_once(',').unwrap_or(("", &text));
        let bare = |tag: &str| tag.trim().trim_start_matches('#').to_owned();
        let there: Vec<String> = there.split(',').map(bare).collect();
        offered(&known, &bare(typed), &there.iter().map(String::as_str).collect::<Vec<_>>())
    });
    let take = move |tag: &str| {
        text.update(|text| {
            text.truncate(text.rfind(',').map_or(0, |comma| comma + 1));
            let gap = if text.is_empty() { "" } else { " " };
            *text = format!("{text}{gap}{tag}");
        });
        super::focus("tags".to_owned());
    };
    let field = line("tags", "text", "Tags", Some("Separated by commas."), text);
    field.child(list(found, take))
}

/// What is offered, as buttons.
pub fn list(found: Memo<Vec<String>>, take: impl Fn(&str) + Clone + 'static) -> impl Kids {
    let one = move |tag: String| {
        let (take, name) = (take.clone(), format!("#{tag}"));
        let button = button().class("chip").attr("type", "button").attr("aria-label", format!("Add {name}")).attr("dir", "auto");
        li().child(button.on(ev::CLICK, move |_| take(&tag)).child(name))
    };
    move || {
        let found = found.get();
        let one = one.clone();
        (!found.is_empty()).then(|| {
            let all = found.into_iter().map(one).collect::<Vec<_>>();
            div().class("offered").child(ul().class("chips").attr("aria-label", "Known tags").child(all))
        })
    }
}
