//! Text search: every task is indexed by the short runs of characters ("grams") that it holds. A search looks up the
//! grams of what is sought, which gives candidates; the task's folded text then decides.
//!
//! A gram is hashed; each store adds its user's number, so that one user's search never walks through another's tasks.

/// Stands between title and description; neither can hold it, so that nothing is found across the two.
pub(super) const SEPARATOR: char = '\u{1f}';

/// Characters that no title and no description holds; not every database takes a text with the second.
pub(super) const IN_NO_TEXT: [char; 2] = [SEPARATOR, '\0'];

/// More grams than this narrow a search no further.
const MOST_SOUGHT: usize = 12;

/// What is searched: both texts in Unicode lower case.
pub(super) fn fold(title: &str, description: Option<&str>) -> String {
    let mut folded = title.to_lowercase();
    folded.push(SEPARATOR);
    if let Some(description) = description {
        folded.push_str(&description.to_lowercase());
    }
    folded
}

/// The index entry of a folded text: each run of one, two and three characters, once, hashed.
pub(super) fn grams(folded: &str) -> Vec<u32> {
    let chars: Vec<char> = folded.chars().collect();
    once((1..=3).flat_map(|n| chars.windows(n)).map(hash).collect())
}

/// The search for a folded text: its longest grams, all of which a task must have.
pub(super) fn sought(folded: &str) -> Vec<u32> {
    let chars: Vec<char> = folded.chars().collect();
    let length = chars.len().clamp(1, 3);
    let all: Vec<u32> = chars.windows(length).map(hash).collect();
    let step = all.len().div_ceil(MOST_SOUGHT).max(1);
    once(all.into_iter().step_by(step).collect())
}

fn once(mut hashes: Vec<u32>) -> Vec<u32> {
    hashes.sort_unstable();
    hashes.dedup();
    hashes
}

/// FNV-1a over the code points. Two grams with one hash cost a look at a task, no more.
fn hash(gram: &[char]) -> u32 {
    let bytes = gram.iter().flat_map(|c| u32::from(*c).to_le_bytes());
    bytes.fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_contained_has_its_grams_in_the_entry(text in "\\PC{1,60}", start in 0usize..60, length in 1usize..30) {
            let folded = fold(&text, Some("b\nc"));
            let part: String = folded.chars().skip(start).take(length).collect();
            prop_assume!(!part.is_empty());
            let entry = grams(&folded);
            for gram in sought(&part) {
                prop_assert!(entry.contains(&gram), "{gram} of {part:?}");
            }
        }
    }
}
