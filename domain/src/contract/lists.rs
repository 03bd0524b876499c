//! Lists, compared with the [`model`](super::model) over tasks and queries drawn from a seed.

use super::{Harness, at, commit, creation, model, task, user};
use crate::ports::Session;
use crate::query::{SortBy, SortOrder, Status, TaskQuery};
use crate::task::{Description, Priority, Tag, Tags, Task, Title};

/// SplitMix64: small, and the same everywhere.
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.below(from.len() as u64)).unwrap()]
    }

    fn maybe<T>(&mut self, of: u64, value: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.below(of) == 0).then(|| value(self))
    }

    fn minute(&mut self) -> i64 {
        i64::try_from(self.below(12)).unwrap()
    }

    fn tag(&mut self) -> Tag {
        Tag::new(self.pick(&["home", "work", "Work", "größe", "a,b", "100%", "x_y"])).unwrap()
    }

    fn task(&mut self) -> Task {
        let title = self.pick(&[
            "Buy milk",
            "buy MILK",
            "ÄPFEL",
            "äpfel",
            "100% sure",
            "1000 sure",
            "a_b",
            "aXb",
            "İstanbul",
            "漢字",
            "Zebra",
            "ﬁne",
            "it's",
        ]);
        let tags: Vec<Tag> = (0..self.below(4)).map(|_| self.tag()).collect();
        let mut made = Task {
            title: Title::new(title).unwrap(),
            description: self.maybe(3, |d| Description::new(d.pick(&["milk and honey", "Nothing", "ÄPFEL\\kaufen"])).unwrap()),
            completed_at: self.maybe(3, |d| at(d.minute())),
            priority: self.pick(&[Priority::Low, Priority::Medium, Priority::High]),
            tags: Tags::new(tags).unwrap(),
            due_date: self.maybe(2, |d| at(d.minute())),
            created_at: at(self.minute()),
            ..task("drawn")
        };
        made.deleted_at = self.maybe(10, |d| at(d.minute()));
        made
    }

    fn query(&mut self) -> TaskQuery {
        let texts = ["milk", "MILK", "äpf", "%", "_", "\\", "i̇", "'", "ß", "sure", ""];
        TaskQuery {
            status: self.maybe(2, |d| d.pick(&[Status::Open, Status::Completed, Status::Overdue])),
            priority: self.maybe(4, |d| d.pick(&[Priority::Low, Priority::Medium, Priority::High])),
            tags: (0..self.below(6).saturating_sub(3)).map(|_| self.tag()).collect(),
            text: self.maybe(3, |d| d.pick(&texts).to_owned()).filter(|text| !text.is_empty()),
            due_before: self.maybe(5, |d| at(d.minute())),
            due_after: self.maybe(5, |d| at(d.minute())),
            now: at(self.minute()),
            sort: self.pick(&[SortBy::Created, SortBy::Due, SortBy::Priority, SortBy::Title]),
            order: self.pick(&[SortOrder::Ascending, SortOrder::Descending]),
            after: None,
            limit: u32::try_from(1 + self.below(9)).unwrap(),
        }
    }
}

/// 120 tasks, 300 queries, each followed to its last page.
pub async fn lists_filter_sort_and_page_as_the_model_does<H: Harness>(harness: &H) {
    let session = harness.session(&user("lists", "ada")).await;
    let strangers = harness.session(&user("lists", "bob")).await;
    let mut draw = Draw(0x71D1_4C65);
    let tasks: Vec<Task> = (0..120).map(|_| draw.task()).collect();
    commit(&session, tasks.iter().cloned().map(creation)).await.unwrap();
    let theirs: Vec<Task> = (0..20).map(|_| draw.task()).collect();
    commit(&strangers, theirs.into_iter().map(creation)).await.unwrap();

    for _ in 0..300 {
        let mut query = draw.query();
        let expected = model::list(tasks.iter(), &TaskQuery { limit: 1_000, ..query.clone() });
        let mut paged = Vec::new();
        loop {
            let page = session.list(&query).await.unwrap();
            assert_eq!(page, model::list(tasks.iter(), &query), "{query:?}");
            query.after = page.last().map(|last| query.sort.position_of(last));
            paged.extend(page);
            if query.after.is_none() {
                break;
            }
        }
        assert_eq!(paged, expected, "{query:?}");
    }
}
