//! Tags that are known, where one is typed.

use crate::Task;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Tags that are offered.
const OFFERED: usize = 5;

/// Every tag, with how many open tasks have it.
pub fn known(tasks: &[Arc<Task>]) -> BTreeMap<String, usize> {
    let mut tags = BTreeMap::new();
    for task in tasks {
        for tag in &task.tags {
            *tags.entry(tag.clone()).or_default() += usize::from(!task.completed);
        }
    }
    tags
}

/// What could be meant by a tag whose beginning is typed, the most used first. One that is there already is not offered, nor is one that
/// is typed whole.
pub fn offered(known: &BTreeMap<String, usize>, typed: &str, there: &[&str]) -> Vec<String> {
    let begun = typed.to_lowercase();
    let fits = |tag: &str| tag.to_lowercase().starts_with(&begun) && tag != typed && !there.contains(&tag);
    let mut fitting: Vec<(&String, usize)> =
        known.iter().map(|(tag, count)| (tag, *count)).filter(|(tag, _)| fits(tag)).collect();
    fitting.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    fitting.into_iter().take(OFFERED).map(|(tag, _)| tag.clone()).collect()
}

/// The tag that is being typed at the end of a sentence, after its `#`; none: there is none.
pub fn at_end(sentence: &str) -> Option<&str> {
    let (before, tag) = sentence.rsplit_once('#')?;
    let begins = before.is_empty() || before.ends_with(char::is_whitespace);
    (begins && !tag.contains(char::is_whitespace)).then_some(tag)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::tests::task;

    #[test]
    fn the_tags_that_are_used_most_are_offered_first() {
        let tagged = |number, tags: &[&str], completed| {
            let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
            Arc::new(Task { tags, completed, ..task(number, "Bread") })
        };
        let tasks = [tagged(1, &["home", "Holiday"], false), tagged(2, &["Holiday"], false), tagged(3, &["work", "home"], true)];
        let known = known(&tasks);
        assert_eq!(offered(&known, "", &[]), ["Holiday", "home", "work"]);
        assert_eq!(offered(&known, "HO", &[]), ["Holiday", "home"]);
        assert_eq!(offered(&known, "ho", &["Holiday"]), ["home"]);
        assert!(offered(&known, "home", &[]).is_empty() && offered(&known, "x", &[]).is_empty());
    }

    #[test]
    fn a_tag_is_typed_after_its_sign() {
        for (sentence, tag) in [
            ("Bread #ho", Some("ho")),
            ("#", Some("")),
            ("Bread #home ", None),
            ("C#", None),
            ("Bread", None),
            ("Bread #home #wo", Some("wo")),
        ] {
            assert_eq!(at_end(sentence), tag, "{sentence}");
        }
    }
}
