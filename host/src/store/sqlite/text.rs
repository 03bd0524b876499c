//! Text search: every task is indexed by the short runs of characters ("grams") that it holds. A search looks up the
//! grams of what is sought, which gives candidates; the task's folded text then decides.
//!
//! A gram is hashed and carries its user's number, so that one user's search never walks through another's tasks.

use std::fmt::Write;

/// Stands between title and description; neither can hold it, so that nothing is found across the two.
pub(super) const SEPARATOR: char = '\u{1f}';

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

/// The index entry of a folded text: each run of one, two and three characters, once.
pub(super) fn grams(user: i64, folded: &str) -> String {
    let chars: Vec<char> = folded.chars().collect();
    let mut hashes: Vec<u32> = (1..=3).flat_map(|n| chars.windows(n)).map(hash).collect();
    hashes.sort_unstable();
    hashes.dedup();
    join(user, &hashes, " ")
}

/// The search for a folded text: its longest grams, all of which a task must have.
pub(super) fn sought(user: i64, folded: &str) -> String {
    let chars: Vec<char> = folded.chars().collect();
    let length = chars.len().clamp(1, 3);
    let all: Vec<u32> = chars.windows(length).map(hash).collect();
    let step = all.len().div_ceil(MOST_SOUGHT).max(1);
    let mut hashes: Vec<u32> = all.into_iter().step_by(step).collect();
    hashes.sort_unstable();
    hashes.dedup();
    join(user, &hashes, " AND ")
}

fn join(user: i64, hashes: &[u32], between: &str) -> String {
    let mut out = String::with_capacity(hashes.len() * (12 + between.len()));
    for hash in hashes {
        if !out.is_empty() {
            out.push_str(between);
        }
        // Writing to a String cannot fail.
        let _ = write!(out, "{user:x}g{hash:x}");
    }
    out
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
            let entry = grams(7, &folded);
            let entry: Vec<&str> = entry.split(' ').collect();
            for gram in sought(7, &part).split(" AND ") {
                prop_assert!(entry.contains(&gram), "{gram} of {part:?}");
            }
        }
    }

    #[test]
    fn users_share_no_gram() {
        assert_ne!(grams(1, "a"), grams(2, "a"));
    }
}
