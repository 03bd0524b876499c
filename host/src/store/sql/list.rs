//! Lists of tasks: every filter, order and page of one user's, at a cost that hardly grows with how many they have.
//!
//! Each order has an index whose ranges hold one status and priority; a list is a merge of the ranges it wants, read
//! from where the last page ended. What a range cannot express (tags, text, a due date in another order) is tried first
//! on a bounded walk along that merge, which fills a page when many tasks match. Where it does not, few do, and they are
//! gathered from the narrowest index that knows them, and sorted.

use super::read::first;
use super::rows::{self, TASK_COLUMNS, priority_number};
use super::{Db, Readers, dialect};
use crate::store::StoreError;
use crate::store::text;
use domain::id::UserId;
use domain::query::{SortBy, SortKey, SortOrder, Status, TaskQuery};
use domain::task::{Priority, Tag, Task};
use domain::time::Timestamp;
use sqlx::QueryBuilder;
use uuid::Uuid;

/// How many entries a walk looks at: where each task must be looked up, and where the entry says enough.
const LONG_LOOK: i64 = 1_500;
const SHORT_LOOK: i64 = 8_000;
/// A tag on fewer tasks than this is narrower than any text.
const RARE_TAG: i64 = 2_000;
/// How far a tag's tasks are counted.
const COUNTED: i64 = 20_000;

type Sql = QueryBuilder<Db>;

/// A user's tasks.
pub async fn tasks(readers: &Readers, user: &UserId, query: &TaskQuery) -> Result<Vec<Task>, StoreError> {
    let list = List::new(user, query);
    let impossible = list.text.as_ref().is_some_and(|sought| sought.contains(text::IN_NO_TEXT));
    if impossible || list.priorities.iter().all(|priority| list.is_behind_us(*priority)) {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for &segment in list.segments() {
        let missing = i64::from(query.limit) - found.len() as i64;
        if missing > 0 {
            found.extend(list.page(readers, segment, missing).await?);
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

/// The index that candidates are gathered from.
enum Source<'a> {
    Due,
    Tag(&'a Tag),
    Text(dialect::Grams),
}

/// A query, in the terms of the table.
struct List<'a> {
    user: &'a str,
    query: &'a TaskQuery,
    text: Option<String>,
    /// Inclusive and exclusive bounds.
    due_from: Option<Timestamp>,
    due_until: Option<Timestamp>,
    completed: &'static [bool],
    priorities: Vec<Priority>,
}

impl<'a> List<'a> {
    fn new(user: &'a UserId, query: &'a TaskQuery) -> Self {
        let overdue = (query.status == Some(Status::Overdue)).then_some(query.now);
        let completed: &[bool] = match query.status {
            None => &[false, true],
            Some(Status::Completed) => &[true],
            Some(Status::Open | Status::Overdue) => &[false],
        };
        let priorities = match query.priority {
            Some(priority) => vec![priority],
            None => vec![Priority::Low, Priority::Medium, Priority::High],
        };
        Self {
            user: user.as_str(),
            query,
            text: query.text.as_deref().map(str::to_lowercase).filter(|text| !text.is_empty()),
            due_from: query.due_after,
            due_until: [query.due_before, overdue].into_iter().flatten().min(),
            completed,
            priorities,
        }
    }

    fn segments(&self) -> &'static [Segment] {
        if self.query.sort != SortBy::Due {
            return &[Segment::All];
        }
        let after_undated = matches!(self.query.after.as_ref().map(|at| &at.key), Some(SortKey::Due(None)));
        match (after_undated, self.by_due()) {
            (true, true) => &[],
            (true, false) => &[Segment::Undated],
            (false, true) => &[Segment::Dated],
            (false, false) => &[Segment::Dated, Segment::Undated],
        }
    }

    /// Whether the due date matters for what is listed.
    fn by_due(&self) -> bool {
        self.due_from.is_some() || self.due_until.is_some()
    }

    /// Whether each task must be looked at.
    fn by_content(&self) -> bool {
        self.text.is_some() || !self.query.tags.is_empty()
    }

    async fn page(&self, readers: &Readers, segment: Segment, limit: i64) -> Result<Vec<Task>, StoreError> {
        let foreign_due = self.by_due() && segment == Segment::All;
        let steps = match (self.by_content(), foreign_due) {
            (true, _) => LONG_LOOK,
            (false, true) => SHORT_LOOK,
            (false, false) => return readers.build_all(self.along(segment, limit, limit), rows::task).await,
        };
        let walked = readers.build_all(self.along(segment, steps, limit), rows::task).await?;
        if walked.len() as i64 >= limit {
            return Ok(walked);
        }
        let source = self.narrowest(readers).await?;
        readers.build_all(self.gather(&source, segment, limit), rows::task).await
    }

    /// From behind the last page on, so many index entries of the ranges wanted, merged; of these, the tasks that match.
    fn along(&self, segment: Segment, steps: i64, limit: i64) -> Sql {
        let mut sql = Sql::new(format!("SELECT {TASK_COLUMNS} FROM ("));
        self.push_merge(&mut sql, segment);
        sql.push(" LIMIT ").push_bind(steps);
        sql.push(format!(") w {} task t ON t.number = w.n WHERE TRUE", dialect::JOIN));
        if segment == Segment::All {
            self.push_due(&mut sql, "w.d");
        }
        self.push_tags(&mut sql, "w.n");
        self.push_text(&mut sql);
        self.push_order_again(&mut sql, segment);
        sql.push(" LIMIT ").push_bind(limit);
        sql
    }

    /// Key, id, row number and due date of the index entries, in order.
    fn push_merge(&self, sql: &mut Sql, segment: Segment) {
        let (index, key) = match self.query.sort {
            SortBy::Created => ("task_created", "created_at"),
            SortBy::Due if segment == Segment::Undated => ("task_due", "0"),
            SortBy::Due => ("task_due", "due_date"),
            SortBy::Priority => ("task_priority", "priority"),
            SortBy::Title => ("task_title", "title_key"),
        };
        let (by, direction) = (dialect::by(index), self.direction());
        let mut between = "";
        for &completed in self.completed {
            for &priority in self.priorities.iter().filter(|priority| !self.is_behind_us(**priority)) {
                let (completed, number) = (dialect::truth(completed), priority_number(priority));
                sql.push(format!(
                    "{between}SELECT {key} AS k, id AS i, number AS n, due_date AS d FROM task{by} \
                     WHERE deleted_at IS NULL AND completed = {completed} AND priority = {number} AND user_id = "
                ));
                sql.push_bind(self.user);
                push_segment(sql, "due_date", segment);
                if segment == Segment::Dated {
                    self.push_due(sql, "due_date");
                }
                match self.after() {
                    // Within one priority, the order is by id.
                    Some((SortKey::Priority(at), id)) if *at == priority => {
                        sql.push(format!(" AND id {} ", self.beyond())).push_bind(id);
                    }
                    Some((SortKey::Priority(_), _)) | None => {}
                    Some(_) => self.push_seek(sql, "", segment),
                }
                between = " UNION ALL ";
            }
        }
        match segment {
            // One key for all: naming it could have the database sort what the index has in order.
            Segment::Undated => sql.push(format!(" ORDER BY i {direction}")),
            Segment::All | Segment::Dated => sql.push(format!(" ORDER BY k {direction}, i {direction}")),
        };
    }

    /// Everything that matches, from an index that knows it, sorted.
    fn gather(&self, source: &Source<'_>, segment: Segment, limit: i64) -> Sql {
        let key = match self.query.sort {
            SortBy::Created => "t.created_at",
            SortBy::Due => "t.due_date",
            SortBy::Priority => "t.priority",
            SortBy::Title => "t.title_key",
        };
        let mut sql = Sql::new(format!("SELECT {TASK_COLUMNS} FROM (SELECT t.number AS n{} FROM ", dialect::order_columns(key)));
        match source {
            Source::Due => sql.push(format!("task t{} WHERE TRUE", dialect::by("task_due"))),
            Source::Tag(tag) => sql
                .push(format!("task_tag g {} task t ON t.number = g.task WHERE g.user_id = ", dialect::JOIN))
                .push_bind(self.user)
                .push(" AND g.tag = ")
                .push_bind(tag.as_str()),
            Source::Text(grams) => sql.push(dialect::WITH_GRAMS).push_bind(grams),
        };
        sql.push(" AND t.deleted_at IS NULL AND t.user_id = ").push_bind(self.user);
        let completed: Vec<&str> = self.completed.iter().map(|completed| dialect::truth(*completed)).collect();
        let priorities: Vec<String> = self.priorities.iter().map(|p| priority_number(*p).to_string()).collect();
        sql.push(format!(" AND t.completed IN ({}) AND t.priority IN ({})", completed.join(","), priorities.join(",")));
        push_segment(&mut sql, "t.due_date", segment);
        self.push_due(&mut sql, "t.due_date");
        self.push_seek(&mut sql, "t.", segment);
        self.push_tags(&mut sql, "t.number");
        self.push_text(&mut sql);
        let direction = self.direction();
        sql.push(format!(" ORDER BY {key} {direction}, t.id {direction} LIMIT ")).push_bind(limit);
        sql.push(format!(") w {} task t ON t.number = w.n", dialect::JOIN));
        self.push_order_again(&mut sql, segment);
        sql
    }

    /// Once more the order of what was joined, where a join does not keep it.
    fn push_order_again(&self, sql: &mut Sql, segment: Segment) {
        let direction = self.direction();
        if dialect::JOINS_KEEP_ORDER {
            return;
        }
        match segment {
            Segment::Undated => sql.push(format!(" ORDER BY w.i {direction}")),
            Segment::All | Segment::Dated => sql.push(format!(" ORDER BY w.k {direction}, w.i {direction}")),
        };
    }

    async fn narrowest(&self, readers: &Readers) -> Result<Source<'a>, StoreError> {
        const USES: &str = "SELECT count(*) FROM (SELECT 1 FROM task_tag WHERE user_id = $1 AND tag = $2 LIMIT $3) u";
        let mut rarest: Option<(&Tag, i64)> = None;
        for tag in &self.query.tags {
            let uses: i64 = readers.get(USES, |v| v.add(self.user).add(tag.as_str()).add(COUNTED), first).await?;
            if rarest.is_none_or(|(_, least)| uses < least) {
                rarest = Some((tag, uses));
            }
        }
        match (&self.text, rarest) {
            (Some(text), rarest) if rarest.is_none_or(|(_, uses)| uses >= RARE_TAG) => {
                const NUMBER: &str = "SELECT number FROM user_sequence WHERE user_id = $1";
                let number: Option<i64> = readers.find(NUMBER, |v| v.add(self.user), first).await?;
                Ok(Source::Text(dialect::sought(number.unwrap_or(0), &text::sought(text))))
            }
            (_, Some((tag, _))) => Ok(Source::Tag(tag)),
            (_, None) => Ok(Source::Due),
        }
    }

    fn after(&self) -> Option<(&SortKey, Uuid)> {
        self.query.after.as_ref().map(|at| (&at.key, at.id.0))
    }

    /// Whether the pages so far have shown every task of this priority.
    fn is_behind_us(&self, priority: Priority) -> bool {
        match (self.after(), self.query.order) {
            (Some((SortKey::Priority(at), _)), SortOrder::Ascending) => priority < *at,
            (Some((SortKey::Priority(at), _)), SortOrder::Descending) => priority > *at,
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

    /// Only what stands behind the last page. `of` is the table's prefix.
    fn push_seek(&self, sql: &mut Sql, of: &str, segment: Segment) {
        let Some((key, id)) = self.after() else { return };
        let beyond = self.beyond();
        match (key, segment) {
            // Every task without a date stands behind one with.
            (SortKey::Due(Some(_)), Segment::Undated) => return,
            (SortKey::Due(None), _) => sql.push(format!(" AND {of}id {beyond} ")).push_bind(id),
            (SortKey::Due(Some(at)), _) => push_pair(sql, of, "due_date", beyond).push_bind(at.millis()),
            (SortKey::Created(at), _) => push_pair(sql, of, "created_at", beyond).push_bind(at.millis()),
            (SortKey::Priority(at), _) => push_pair(sql, of, "priority", beyond).push_bind(priority_number(*at)),
            (SortKey::Title(at), _) => push_pair(sql, of, "title_key", beyond).push_bind(at.as_str()),
        };
        if *key != SortKey::Due(None) {
            sql.push(", ").push_bind(id).push(")");
        }
    }

    fn push_due(&self, sql: &mut Sql, column: &str) {
        if let Some(from) = self.due_from {
            sql.push(format!(" AND {column} >= ")).push_bind(from.millis());
        }
        if let Some(until) = self.due_until {
            sql.push(format!(" AND {column} < ")).push_bind(until.millis());
        }
    }

    fn push_tags(&self, sql: &mut Sql, number: &str) {
        for tag in &self.query.tags {
            sql.push(" AND EXISTS (SELECT 1 FROM task_tag WHERE user_id = ").push_bind(self.user);
            sql.push(" AND tag = ").push_bind(tag.as_str()).push(format!(" AND task = {number})"));
        }
    }

    fn push_text(&self, sql: &mut Sql) {
        if let Some(text) = &self.text {
            sql.push(format!(" AND {}(t.search, ", dialect::PLACE_OF)).push_bind(text.as_str()).push(") > 0");
        }
    }
}

/// The key and the id, up to where their values come.
fn push_pair<'s>(sql: &'s mut Sql, of: &str, column: &str, beyond: &str) -> &'s mut Sql {
    sql.push(format!(" AND ({of}{column}, {of}id) {beyond} ("))
}

fn push_segment(sql: &mut Sql, due: &str, segment: Segment) {
    match segment {
        Segment::All => {}
        Segment::Dated => {
            sql.push(format!(" AND {due} IS NOT NULL"));
        }
        Segment::Undated => {
            sql.push(format!(" AND {due} IS NULL"));
        }
    }
}
