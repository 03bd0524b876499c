//! A project of Todoist as CSV (<https://todoist.com/help/articles/format-a-csv-file-to-import-into-todoist-UVUXTmm6>).
//!
//! PRIORITY 1 is the highest there, as "p1" is on its screen, and 4 what has none (its API counts the other way round): 1 is high, 2 medium, 3 and
//! 4 are low, and an empty cell says nothing. `@label`s are tags, and so is the section that a task stands in. A `note` is added to the
//! description of the task above it. DATE is read as quick add reads it, or as ISO 8601; without one, DEADLINE is.

use super::{Found, Item, said, shown};
use crate::command::{NewTask, RecurrenceInput, Repetition};
use crate::quick_add::{self, Every, Says};
use crate::recurrence::{Frequency, moment};
use crate::task::{Description, Priority, RepeatFrom, Tag, Tags, TimeZone, Title};
use crate::time::Timestamp;
use chrono::NaiveDateTime;
use csv::{Position, ReaderBuilder, StringRecord};

/// Whether a line names the columns.
pub(super) fn is_header(line: &str) -> bool {
    let names = |name: &str| line.split([',', ';', '\t']).any(|cell| cell.trim().trim_matches('"').eq_ignore_ascii_case(name));
    names("TYPE") && names("CONTENT")
}

/// Spreadsheets write what their country has between cells.
fn delimiter(header: &str) -> u8 {
    let most = [b',', b';', b'\t'].into_iter().max_by_key(|byte| header.bytes().filter(|b| b == byte).count());
    most.unwrap_or(b',')
}

pub(super) fn read(text: &str, found: &mut Found) -> Result<(), String> {
    let text = text.trim_start_matches(['\r', '\n']);
    let header = text.lines().next().unwrap_or_default();
    if !is_header(header) {
        return Err("its first line does not name the columns TYPE and CONTENT; export the project anew".to_owned());
    }
    let mut reader =
        ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter(header)).from_reader(text.as_bytes());
    let (mut record, mut sheet) = (StringRecord::new(), Sheet::default());
    let first = said(reader.read_record(&mut record))?;
    let columns = if first { Columns::of(&record) } else { Columns::default() };
    while said(reader.read_record(&mut record))? {
        let line = record.position().map_or(0, |at| line_of(text, at));
        sheet.take(&Row { columns: &columns, cells: &record, line }, found);
    }
    Ok(())
}

/// The crate's position is before the empty lines that it skipped.
fn line_of(text: &str, at: &Position) -> usize {
    let rest = text.as_bytes().get(at.byte() as usize..).unwrap_or_default();
    let skipped = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).filter(|byte| **byte == b'\n').count();
    at.line() as usize + skipped
}

/// The columns that are read.
#[derive(Clone, Copy)]
enum Column {
    Type,
    Content,
    Description,
    Priority,
    Date,
    TimeZone,
    Deadline,
}

/// Where each of them is, in their order.
#[derive(Default)]
struct Columns([Option<usize>; 7]);

impl Columns {
    fn of(header: &StringRecord) -> Self {
        let names = ["TYPE", "CONTENT", "DESCRIPTION", "PRIORITY", "DATE", "TIMEZONE", "DEADLINE"];
        Self(names.map(|name| header.iter().position(|column| column.trim().eq_ignore_ascii_case(name))))
    }
}

struct Row<'a> {
    columns: &'a Columns,
    cells: &'a StringRecord,
    line: usize,
}

impl<'a> Row<'a> {
    /// Empty where there is no such column, or the row is too short to have it.
    fn get(&self, column: Column) -> &'a str {
        let place = self.columns.0.get(column as usize).copied().flatten();
        place.and_then(|place| self.cells.get(place)).unwrap_or_default().trim()
    }
}

/// What the rows before have left.
#[derive(Default)]
struct Sheet {
    section: Option<Tag>,
    /// Whether the row above, or the one that its notes belong to, is the last task of the import.
    task_above: Option<bool>,
}

impl Sheet {
    fn take(&mut self, row: &Row<'_>, found: &mut Found) {
        let kind = row.get(Column::Type);
        match kind.to_ascii_lowercase().as_str() {
            "task" => {
                let entry = item(row, self.section.as_ref(), found);
                self.task_above = Some(entry.is_ok());
                found.add(row.line, entry);
            }
            "section" => {
                self.task_above = None;
                let name = row.get(Column::Content);
                let tag = if name.is_empty() { Ok(None) } else { Tag::new(name).map(Some) };
                self.section = tag.unwrap_or_else(|why| {
                    found.refuse(row.line, format!("a section becomes a tag, and {why}; its tasks come without"));
                    None
                });
            }
            "note" => {
                if let Err(reason) = self.note(row.get(Column::Content), found) {
                    found.refuse(row.line, reason);
                }
            }
            "meta" => {}
            _ if row.cells.iter().all(|cell| cell.trim().is_empty()) => {}
            _ => found.refuse(row.line, format!("TYPE is task, section or note, not {}", shown(kind))),
        }
    }

    /// Adds a comment to the description of the task above.
    fn note(&self, text: &str, found: &mut Found) -> Result<(), String> {
        let above = found.import.items.last_mut();
        let above = match self.task_above {
            Some(true) => above.ok_or("the comment has no task above it")?,
            Some(false) => return Err("the task of this comment was refused".to_owned()),
            None => return Err("the comment has no task above it".to_owned()),
        };
        let description = match &above.task.description {
            Some(description) => format!("{}\n\n{text}", description.as_str()),
            None => text.to_owned(),
        };
        let why = |why| format!("a comment is added to its task's description, and {why}; the task comes without it");
        above.task.description = Some(Description::new(&description).map_err(why)?);
        Ok(())
    }
}

fn item(row: &Row<'_>, section: Option<&Tag>, found: &mut Found) -> Result<Item, String> {
    let section_name = section.map_or("", Tag::as_str).as_bytes();
    let pieces: Vec<&[u8]> = [&b"todoist"[..], section_name].into_iter().chain(row.cells.iter().map(str::as_bytes)).collect();
    let key = found.key(&pieces);
    let label = |word: &&str| word.len() > 1 && word.starts_with('@');
    let (labels, title): (Vec<&str>, Vec<&str>) = row.get(Column::Content).split_whitespace().partition(label);
    let labels = labels.into_iter().filter_map(|label| label.strip_prefix('@')).map(Tag::new);
    let tags = said(labels.chain(section.cloned().map(Ok)).collect::<Result<Vec<_>, _>>())?;
    let description = row.get(Column::Description);
    let date = [row.get(Column::Date), row.get(Column::Deadline)].into_iter().find(|date| !date.is_empty());
    let (due_date, recurrence) = match date {
        Some(text) => when(text, row.get(Column::TimeZone), found).map(|(due, rule)| (Some(due), rule))?,
        None => (None, None),
    };
    let task = NewTask {
        title: said(Title::new(&title.join(" ")))?,
        description: if description.is_empty() { None } else { Some(said(Description::new(description))?) },
        priority: priority(row.get(Column::Priority))?,
        tags: said(Tags::new(tags))?,
        due_date,
        recurrence,
        reminder_minutes: None,
    };
    Ok(Item { line: row.line, key, origin: None, task, completed_at: None, created_at: None })
}

fn priority(cell: &str) -> Result<Priority, String> {
    match cell {
        "1" => Ok(Priority::High),
        "2" => Ok(Priority::Medium),
        "3" | "4" => Ok(Priority::Low),
        "" => Ok(Priority::default()),
        _ => Err(format!("PRIORITY is 1, the highest, to 4, not {}", shown(cell))),
    }
}

/// The due date, and how often.
fn when(text: &str, zone: &str, found: &Found) -> Result<(Timestamp, Option<RecurrenceInput>), String> {
    let zone = if zone.is_empty() { found.zone } else { said(TimeZone::new(zone))? };
    if let Ok(at) = Timestamp::parse(text) {
        return Ok((at, None));
    }
    let unclear =
        || format!("the date {} is not understood: say it in English, such as 1 May 2026 18:00 or every 2 weeks", shown(text));
    if let Ok(time) = text.parse::<NaiveDateTime>() {
        return Ok((moment(time, zone).ok_or_else(unclear)?, None));
    }
    let (words, repeat_from) = in_our_words(text);
    let read = quick_add::read(&words, found.now, zone);
    let due = read.due.filter(|_| read.title.is_empty() && read.tags.is_empty() && read.priority.is_none());
    let due = due.ok_or_else(unclear)?;
    let every = read.pieces.into_iter().find_map(|piece| if let Says::Every(every) = piece.says { Some(every) } else { None });
    let repetition = read.rule.zip(every).map(|(rule, every)| match every {
        Every::Days(interval) => Repetition::Short(Frequency::Daily, interval),
        Every::Weeks(interval, days) if days.is_empty() => Repetition::Short(Frequency::Weekly, interval),
        Every::Months(interval, None) => Repetition::Short(Frequency::Monthly, interval),
        Every::Years(interval) => Repetition::Short(Frequency::Yearly, interval),
        Every::Weeks(..) | Every::Months(..) => Repetition::Rule(rule),
    });
    Ok((due, repetition.map(|repetition| RecurrenceInput { repetition, time_zone: Some(zone), repeat_from })))
}

/// A date in the words of quick add, in which a whole cell is a date: so also `fri`, which in a title may be a word. `every!` counts
/// from completion.
fn in_our_words(text: &str) -> (String, RepeatFrom) {
    let mut from = RepeatFrom::DueDate;
    let mut words = Vec::new();
    for word in text.to_lowercase().split_whitespace() {
        let plain = word.trim_end_matches(',');
        let ours = match plain {
            "every!" | "ev!" => {
                from = RepeatFrom::Completion;
                "every"
            }
            "ev" => "every",
            "daily" => "every day",
            "weekly" => "every week",
            "monthly" => "every month",
            "yearly" => "every year",
            "mon" => "monday",
            "tue" | "tues" => "tuesday",
            "wed" => "wednesday",
            "thu" | "thur" | "thurs" => "thursday",
            "fri" => "friday",
            "sat" => "saturday",
            "sun" => "sunday",
            "starting" | "from" if !words.is_empty() => continue,
            other => other,
        };
        words.push(ours.to_owned());
    }
    (words.join(" "), from)
}

#[cfg(test)]
mod tests;
