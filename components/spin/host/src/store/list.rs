//! Lists of tasks: every filter, order and page of one user's.
//!
//! Each order has an index whose ranges hold one status and priority. A list that asks for no more than these is a merge of the ranges it
//! wants, read from where the last page ended, at a cost that does not grow with how many tasks there are. What a range cannot
//! express (tags, a text, a due date in another order) is looked for in all of the user's tasks.

use super::SEPARATOR;
use super::rows::{self, TASK_COLUMNS, priority_number};
use crate::db::{Connection, Sql, StoreError, uuid};
use domain::id::UserId;
use domain::query::{SortBy, SortKey, SortOrder, Status, TaskQuery};
use domain::task::{Priority, Task};
use domain::time::Timestamp;

/// A user's tasks.
pub async fn tasks(user: &UserId, query: &TaskQuery) -> Result<Vec<Task>, StoreError> {
    let list = List::new(user, query);
    if list.text.as_ref().is_some_and(|text| text.contains([SEPARATOR, '\0'])) {
        return Ok(Vec::new());
    }
    let connection = Connection::open().await?;
    let mut found = Vec::new();
    for &segment in list.segments() {
        let missing = (query.limit as usize).saturating_sub(found.len());
        if missing > 0
            && let Some(sql) = list.statement(segment, missing as i64)
        {
            found.extend(sql.all(&connection, rows::task).await?);
        }
    }
    Ok(found)
}

/// Part of an order. Tasks without a due date stand behind the others in both directions of the due order.
#[derive(Clone, Copy, PartialEq)]
enum Segment {
    All,
    Dated,
    Undated,
}

/// A query, in the terms of the table.
struct List<'a> {
    user: &'a str,
    query: &'a TaskQuery,
    text: Option<String>,
    /// Inclusive and exclusive bounds.
    due_from: Option<Timestamp>,
    due_until: Option<Timestamp>,
    completed: &'static [i64],
    priorities: Vec<Priority>,
}

impl<'a> List<'a> {
    fn new(user: &'a UserId, query: &'a TaskQuery) -> Self {
        let overdue = (query.status == Some(Status::Overdue)).then_some(query.now);
        let completed: &[i64] = match query.status {
            None => &[0, 1],
            Some(Status::Completed) => &[1],
            Some(Status::Open | Status::Overdue) => &[0],
        };
        let all = [Priority::Low, Priority::Medium, Priority::High];
        let mut list = Self {
            user: user.as_str(),
            query,
            text: query.text.as_deref().map(str::to_lowercase).filter(|text| !text.is_empty()),
            due_from: query.due_after,
            due_until: [query.due_before, overdue].into_iter().flatten().min(),
            completed,
            priorities: query.priority.map_or_else(|| all.to_vec(), |priority| vec![priority]),
        };
        let ahead: Vec<_> = list.priorities.iter().copied().filter(|priority| !list.is_behind_us(*priority)).collect();
        list.priorities = ahead;
        list
    }

    fn segments(&self) -> &'static [Segment] {
        if self.query.sort != SortBy::Due {
            return &[Segment::All];
        }
        let after_undated = matches!(self.key(), Some(SortKey::Due(None)));
        match (after_undated, self.by_due()) {
            (true, true) => &[],
            (true, false) => &[Segment::Undated],
            (false, true) => &[Segment::Dated],
            (false, false) => &[Segment::Dated, Segment::Undated],
        }
    }

    fn by_due(&self) -> bool {
        self.due_from.is_some() || self.due_until.is_some()
    }

    /// None where nothing can match.
    fn statement(&self, segment: Segment, limit: i64) -> Option<Sql> {
        if self.priorities.is_empty() {
            return None;
        }
        let looks_at_each = self.text.is_some() || !self.query.tags.is_empty() || (self.by_due() && segment == Segment::All);
        Some(if looks_at_each { self.look(segment, limit) } else { self.merge(segment, limit) })
    }

    /// The entries of the index ranges wanted, from behind the last page on, merged.
    fn merge(&self, segment: Segment, limit: i64) -> Sql {
        let (index, key) = match self.query.sort {
            SortBy::Created => ("task_created", "created_at"),
            SortBy::Due if segment == Segment::Undated => ("task_due", "0"),
            SortBy::Due => ("task_due", "due_date"),
            SortBy::Priority => ("task_priority", "priority"),
            SortBy::Title => ("task_title", "title_key"),
        };
        let mut sql = Sql::new(format!("SELECT {TASK_COLUMNS} FROM ("));
        let mut between = "";
        for completed in self.completed {
            for &priority in &self.priorities {
                sql.push(&format!(
                    "{between}SELECT {key} AS k, id AS i, number AS n FROM task INDEXED BY {index} WHERE deleted_at IS NULL \
                     AND completed = {completed} AND priority = {} AND user_id = ",
                    priority_number(priority)
                ));
                sql.bind(self.user);
                push_segment(&mut sql, "", segment);
                self.push_due(&mut sql, "");
                match self.key() {
                    // Within one priority, the order is by id.
                    Some(SortKey::Priority(at)) if *at == priority => self.push_id(&mut sql, ""),
                    Some(SortKey::Priority(_)) | None => {}
                    Some(_) => self.push_seek(&mut sql, "", segment),
                }
                between = " UNION ALL ";
            }
        }
        let direction = self.direction();
        match segment {
            // One key for all: naming it could have the database sort what the index has in order.
            Segment::Undated => sql.push(&format!(" ORDER BY i {direction} LIMIT ")),
            Segment::All | Segment::Dated => sql.push(&format!(" ORDER BY k {direction}, i {direction} LIMIT ")),
        };
        // A cross join keeps the order of its left side.
        sql.bind(limit).push(") w CROSS JOIN task t ON t.number = w.n");
        sql
    }

    /// Everything that matches, sorted.
    fn look(&self, segment: Segment, limit: i64) -> Sql {
        let key = match self.query.sort {
            SortBy::Created => "created_at",
            SortBy::Due => "due_date",
            SortBy::Priority => "priority",
            SortBy::Title => "title_key",
        };
        let mut sql = Sql::new(format!("SELECT {TASK_COLUMNS} FROM task t WHERE t.deleted_at IS NULL AND t.user_id = "));
        let list = |numbers: Vec<String>| numbers.join(", ");
        let completed = list(self.completed.iter().map(i64::to_string).collect());
        let priorities = list(self.priorities.iter().map(|priority| priority_number(*priority).to_string()).collect());
        sql.bind(self.user).push(&format!(" AND t.completed IN ({completed}) AND t.priority IN ({priorities})"));
        push_segment(&mut sql, "t.", segment);
        self.push_due(&mut sql, "t.");
        self.push_seek(&mut sql, "t.", segment);
        for tag in &self.query.tags {
            sql.push(" AND t.number IN (SELECT task FROM task_tag WHERE user_id = ").bind(self.user);
            sql.push(" AND tag = ").bind(tag.as_str()).push(")");
        }
        if let Some(text) = &self.text {
            sql.push(" AND instr(t.search, ").bind(text.as_str()).push(") > 0");
        }
        let direction = self.direction();
        sql.push(&format!(" ORDER BY t.{key} {direction}, t.id {direction} LIMIT ")).bind(limit);
        sql
    }

    fn key(&self) -> Option<&SortKey> {
        self.query.after.as_ref().map(|at| &at.key)
    }

    /// Whether the pages so far have shown every task of this priority.
    fn is_behind_us(&self, priority: Priority) -> bool {
        match (self.key(), self.query.order) {
            (Some(SortKey::Priority(at)), SortOrder::Ascending) => priority < *at,
            (Some(SortKey::Priority(at)), SortOrder::Descending) => priority > *at,
            _ => false,
        }
    }

    fn direction(&self) -> &'static str {
        match self.query.order {
            SortOrder::Ascending => "ASC",
            SortOrder::Descending => "DESC",
        }
    }

    /// How a key compares with that of the last page's end.
    fn beyond(&self) -> &'static str {
        if self.query.order == SortOrder::Ascending { ">" } else { "<" }
    }

    fn push_id(&self, sql: &mut Sql, of: &str) {
        if let Some(after) = &self.query.after {
            sql.push(&format!(" AND {of}id {} ", self.beyond())).bind(uuid(after.id.0));
        }
    }

    /// Only what stands behind the last page. `of` is the table's prefix.
    fn push_seek(&self, sql: &mut Sql, of: &str, segment: Segment) {
        let Some(after) = &self.query.after else { return };
        let (column, value) = match &after.key {
            // Every task without a date stands behind one with.
            SortKey::Due(Some(_)) if segment == Segment::Undated => return,
            SortKey::Due(None) => return self.push_id(sql, of),
            SortKey::Due(Some(at)) => ("due_date", at.millis().into()),
            SortKey::Created(at) => ("created_at", at.millis().into()),
            SortKey::Priority(at) => ("priority", priority_number(*at).into()),
            SortKey::Title(at) => ("title_key", crate::db::Value::from(at.as_str())),
        };
        sql.push(&format!(" AND ({of}{column}, {of}id) {} (", self.beyond())).bind(value);
        sql.push(", ").bind(uuid(after.id.0)).push(")");
    }

    fn push_due(&self, sql: &mut Sql, of: &str) {
        if let Some(from) = self.due_from {
            sql.push(&format!(" AND {of}due_date >= ")).bind(from.millis());
        }
        if let Some(until) = self.due_until {
            sql.push(&format!(" AND {of}due_date < ")).bind(until.millis());
        }
    }
}

fn push_segment(sql: &mut Sql, of: &str, segment: Segment) {
    match segment {
        Segment::All => {}
        Segment::Dated => _ = sql.push(&format!(" AND {of}due_date IS NOT NULL")),
        Segment::Undated => _ = sql.push(&format!(" AND {of}due_date IS NULL")),
    }
}
