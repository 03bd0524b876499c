//! What a list holds, said in the plainest way: look at every task, keep those that match, sort, cut.

use crate::query::{Position, SortKey, SortOrder, Status, TaskQuery};
use crate::task::Task;
use std::cmp::Ordering;

/// The tasks that a query gives, in its order.
pub fn list<'a>(tasks: impl Iterator<Item = &'a Task>, query: &TaskQuery) -> Vec<Task> {
    let position = |task: &Task| query.sort.position_of(task);
    let behind = |task: &Task| query.after.as_ref().is_none_or(|after| compare(&position(task), after, query.order).is_gt());
    let mut found: Vec<&Task> = tasks.filter(|task| matches(task, query) && behind(task)).collect();
    found.sort_by(|a, b| compare(&position(a), &position(b), query.order));
    found.into_iter().take(query.limit as usize).cloned().collect()
}

fn matches(task: &Task, query: &TaskQuery) -> bool {
    let status = match query.status {
        None => true,
        Some(Status::Open) => !task.completed(),
        Some(Status::Completed) => task.completed(),
        Some(Status::Overdue) => !task.completed() && task.due_date.is_some_and(|due| due < query.now),
    };
    let has_text = |text: &str| {
        let text = text.to_lowercase();
        let description = task.description.as_ref().map(|d| d.as_str().to_lowercase());
        task.title.as_str().to_lowercase().contains(&text) || description.is_some_and(|d| d.contains(&text))
    };
    task.deleted_at.is_none()
        && status
        && query.priority.is_none_or(|priority| task.priority == priority)
        && query.tags.iter().all(|wanted| task.tags.iter().any(|tag| tag == wanted))
        && query.text.as_deref().is_none_or(has_text)
        && query.due_before.is_none_or(|before| task.due_date.is_some_and(|due| due < before))
        && query.due_after.is_none_or(|after| task.due_date.is_some_and(|due| due >= after))
}

fn compare(a: &Position, b: &Position, order: SortOrder) -> Ordering {
    let directed = |ordering: Ordering| if order == SortOrder::Descending { ordering.reverse() } else { ordering };
    let by_key = match (&a.key, &b.key) {
        (SortKey::Created(a), SortKey::Created(b)) => directed(a.cmp(b)),
        (SortKey::Due(Some(a)), SortKey::Due(Some(b))) => directed(a.cmp(b)),
        // No date comes last in both directions.
        (SortKey::Due(a), SortKey::Due(b)) => a.is_none().cmp(&b.is_none()),
        (SortKey::Priority(a), SortKey::Priority(b)) => directed(a.cmp(b)),
        (SortKey::Title(a), SortKey::Title(b)) => directed(a.cmp(b)),
        _ => unreachable!("a position of another order"),
    };
    by_key.then(directed(a.id.cmp(&b.id)))
}
