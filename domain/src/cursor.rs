//! Cursors: where a page ended, as text that clients keep but do not read. A cursor belongs to the list it came from: one of
//! another filter, order or task is refused, as is every text that is none.

use crate::digest::Digest;
use crate::id::TaskId;
use crate::notification::NotificationPosition;
use crate::query::{Position, SortBy, SortKey, TaskQuery};
use crate::task::{BadValue, Priority};
use crate::time::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

/// First byte of every cursor: the form below. Then 8 bytes, a digest of the list and of what follows; then where the page ended.
const FORM: u8 = 1;

/// A page of a list. Its JSON is `{items, next_cursor}`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// None: this was the last page.
    pub next_cursor: Option<String>,
}

/// The cursor of a list of tasks that goes on behind `position`.
pub fn of_tasks(query: &TaskQuery, position: &Position) -> String {
    let mut bytes = position.id.0.as_bytes().to_vec();
    match &position.key {
        SortKey::Created(at) => bytes.extend_from_slice(&at.millis().to_be_bytes()),
        SortKey::Due(None) => {}
        SortKey::Due(Some(at)) => bytes.extend_from_slice(&at.millis().to_be_bytes()),
        SortKey::Priority(priority) => bytes.push(*priority as u8),
        SortKey::Title(title) => bytes.extend_from_slice(title.as_bytes()),
    }
    seal(list_digest(query), &bytes)
}

/// Where the cursor says that this query goes on. `query.after`, `now` and `limit` play no part.
pub fn to_position(query: &TaskQuery, cursor: &str) -> Result<Position, BadValue> {
    let read = || {
        let bytes = opened(list_digest(query), cursor)?;
        let (id, key) = bytes.split_first_chunk::<16>()?;
        let time = || Timestamp::from_millis(i64::from_be_bytes(key.try_into().ok()?)).ok();
        let key = match query.sort {
            SortBy::Created => SortKey::Created(time()?),
            SortBy::Due if key.is_empty() => SortKey::Due(None),
            SortBy::Due => SortKey::Due(Some(time()?)),
            SortBy::Priority => SortKey::Priority(priority(key)?),
            SortBy::Title => SortKey::Title(String::from_utf8(key.to_vec()).ok().filter(|key| !key.contains(char::is_control))?),
        };
        Some(Position { key, id: TaskId(Uuid::from_bytes(*id)) })
    };
    read().ok_or_else(not_of_this_list)
}

/// The cursor of a task's history that goes on after a sequence number.
pub fn of_history(task: TaskId, sequence: u64) -> String {
    seal(history_digest(task), &sequence.to_be_bytes())
}

/// The sequence number that this task's history goes on after.
pub fn to_sequence(task: TaskId, cursor: &str) -> Result<u64, BadValue> {
    let read = || {
        let bytes = opened(history_digest(task), cursor)?;
        // Stores count in signed numbers.
        Some(u64::from_be_bytes(bytes.as_slice().try_into().ok()?)).filter(|sequence| i64::try_from(*sequence).is_ok())
    };
    read().ok_or_else(not_of_this_list)
}

/// The cursor of a list of notifications that goes on behind `position`.
pub fn of_notifications(unread_only: bool, position: NotificationPosition) -> String {
    let mut bytes = position.id.as_bytes().to_vec();
    bytes.extend_from_slice(&position.created_at.millis().to_be_bytes());
    seal(notifications_digest(unread_only), &bytes)
}

/// Where the cursor says that this list of notifications goes on.
pub fn to_notification(unread_only: bool, cursor: &str) -> Result<NotificationPosition, BadValue> {
    let read = || {
        let bytes = opened(notifications_digest(unread_only), cursor)?;
        let (id, at) = bytes.split_first_chunk::<16>()?;
        let created_at = Timestamp::from_millis(i64::from_be_bytes(at.try_into().ok()?)).ok()?;
        Some(NotificationPosition { created_at, id: Uuid::from_bytes(*id) })
    };
    read().ok_or_else(not_of_this_list)
}

fn not_of_this_list() -> BadValue {
    BadValue("a cursor is the next_cursor of the same list, unchanged".to_owned())
}

/// The digest of the list goes into that of the whole, by which a cursor that was shortened or changed is noticed.
fn seal(list: Digest, place: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(9 + place.len());
    bytes.push(FORM);
    bytes.extend_from_slice(&list.with(place).finish().to_be_bytes());
    bytes.extend_from_slice(place);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Where the page ended, if the cursor is one of this list and whole.
fn opened(list: Digest, cursor: &str) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let (digest, place) = bytes.strip_prefix(&[FORM])?.split_first_chunk::<8>()?;
    (list.with(place).finish().to_be_bytes() == *digest).then(|| place.to_vec())
}

fn priority(key: &[u8]) -> Option<Priority> {
    [Priority::Low, Priority::Medium, Priority::High].into_iter().find(|priority| key == [*priority as u8])
}

fn history_digest(task: TaskId) -> Digest {
    Digest::default().with(b"history").with(task.0.as_bytes())
}

fn notifications_digest(unread_only: bool) -> Digest {
    Digest::default().with(b"notifications").with(&[u8::from(unread_only)])
}

/// Of what makes it this list: filters and order.
fn list_digest(query: &TaskQuery) -> Digest {
    let name = |name: Option<&'static str>| name.unwrap_or_default().as_bytes();
    let time = |at: Option<Timestamp>| at.map_or(i64::MIN, Timestamp::millis).to_be_bytes();
    let mut digest = Digest::default()
        .with(b"tasks")
        .with(query.sort.name().as_bytes())
        .with(query.order.name().as_bytes())
        .with(name(query.status.map(|status| status.name())))
        .with(name(query.priority.map(|priority| priority.name())))
        .with(query.text.as_deref().unwrap_or_default().as_bytes())
        .with(&time(query.due_before))
        .with(&time(query.due_after));
    for tag in &query.tags {
        digest = digest.with(tag.as_str().as_bytes());
    }
    digest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::{SortOrder, Status};
    use crate::task::Tag;
    use proptest::prelude::*;

    fn query(sort: SortBy) -> TaskQuery {
        TaskQuery { sort, order: SortOrder::Ascending, ..TaskQuery::everything(Timestamp::MIN, 1) }
    }

    fn any_position() -> impl Strategy<Value = (SortBy, Position)> {
        let time = (Timestamp::MIN.millis()..=Timestamp::MAX.millis()).prop_map(|ms| Timestamp::from_millis(ms).unwrap());
        let priority = prop_oneof![Just(Priority::Low), Just(Priority::Medium), Just(Priority::High)];
        let key = prop_oneof![
            time.clone().prop_map(|at| (SortBy::Created, SortKey::Created(at))),
            prop::option::of(time).prop_map(|at| (SortBy::Due, SortKey::Due(at))),
            priority.prop_map(|priority| (SortBy::Priority, SortKey::Priority(priority))),
            "\\PC{0,40}".prop_map(|title| (SortBy::Title, SortKey::Title(title))),
        ];
        (key, any::<u128>()).prop_map(|((sort, key), id)| (sort, Position { key, id: TaskId(Uuid::from_u128(id)) }))
    }

    proptest! {
        #[test]
        fn a_position_comes_back((sort, position) in any_position()) {
            let query = query(sort);
            prop_assert_eq!(to_position(&query, &of_tasks(&query, &position)), Ok(position));
        }

        #[test]
        fn a_sequence_comes_back(id: u128, sequence in 0..=i64::MAX as u64) {
            let task = TaskId(Uuid::from_u128(id));
            prop_assert_eq!(to_sequence(task, &of_history(task, sequence)), Ok(sequence));
        }

        #[test]
        fn a_notification_comes_back(id: u128, at in Timestamp::MIN.millis()..=Timestamp::MAX.millis(), unread_only: bool) {
            let position = NotificationPosition { created_at: Timestamp::from_millis(at).unwrap(), id: Uuid::from_u128(id) };
            let cursor = of_notifications(unread_only, position);
            prop_assert_eq!(to_notification(unread_only, &cursor), Ok(position));
            prop_assert!(to_notification(!unread_only, &cursor).is_err());
        }

        #[test]
        fn garbage_is_refused(text in "[A-Za-z0-9_=+/-]{0,80}|.{0,20}") {
            for sort in [SortBy::Created, SortBy::Due, SortBy::Priority, SortBy::Title] {
                prop_assert!(to_position(&query(sort), &text).is_err());
            }
            prop_assert!(to_sequence(TaskId(Uuid::nil()), &text).is_err());
            prop_assert!(to_notification(true, &text).is_err());
        }

        #[test]
        fn a_cursor_that_was_changed_is_refused((sort, position) in any_position(), at: prop::sample::Index, cut: bool, letter in "[A-Za-z0-9_-]") {
            let query = query(sort);
            let mut cursor = of_tasks(&query, &position);
            let whole = cursor.clone();
            let at = at.index(cursor.len());
            if cut { cursor.truncate(at) } else { cursor.replace_range(at..=at, &letter) }
            prop_assume!(cursor != whole);
            prop_assert!(to_position(&query, &cursor).is_err());
        }
    }

    #[test]
    fn a_cursor_that_names_what_no_title_is_is_refused() {
        let by_title = query(SortBy::Title);
        let position = |title: &str| Position { key: SortKey::Title(title.to_owned()), id: TaskId(Uuid::nil()) };
        assert!(to_position(&by_title, &of_tasks(&by_title, &position("a"))).is_ok());
        assert!(to_position(&by_title, &of_tasks(&by_title, &position("a\0"))).is_err());
    }

    #[test]
    fn a_cursor_of_another_list_is_refused() {
        let ours = query(SortBy::Due);
        let cursor = of_tasks(&ours, &Position { key: SortKey::Due(None), id: TaskId(Uuid::from_u128(1)) });
        let tag = Tag::new("a").unwrap();
        for other in [
            query(SortBy::Title),
            TaskQuery { order: SortOrder::Descending, ..ours.clone() },
            TaskQuery { status: Some(Status::Open), ..ours.clone() },
            TaskQuery { priority: Some(Priority::Low), ..ours.clone() },
            TaskQuery { tags: vec![tag], ..ours.clone() },
            TaskQuery { text: Some("a".to_owned()), ..ours.clone() },
            TaskQuery { due_before: Some(Timestamp::MIN), ..ours.clone() },
            TaskQuery { due_after: Some(Timestamp::MIN), ..ours.clone() },
        ] {
            assert!(to_position(&other, &cursor).is_err(), "{other:?}");
        }
        assert!(to_position(&TaskQuery { limit: 7, now: Timestamp::MAX, ..ours }, &cursor).is_ok());
        let (one, two) = (TaskId(Uuid::from_u128(1)), TaskId(Uuid::from_u128(2)));
        assert!(to_sequence(two, &of_history(one, 5)).is_err());
    }
}
