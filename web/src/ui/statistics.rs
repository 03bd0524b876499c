//! Where looking beats reading: a year of what was completed, and the week ahead.

use crate::dom::{
    Kids, dd, details, div, dl, dt, figcaption, figure, h2, i, p, rect, summary, svg, svg_text as text, svg_title as title,
    table, tbody, td, th, thead, tr,
};
use crate::model::Model;
use crate::reactive::*;
use board::words::say_date;
use board::year::{Day, WEEKS, completed, week};
use chrono::{Datelike, NaiveDate};

/// A day of the year is a square, so wide, and so far from the next.
const SQUARE: (u64, u64) = (11, 13);
/// Above the days stand the months.
const MONTHS: u64 = 16;
/// The highest bar of the week.
const BAR: usize = 80;

pub fn statistics(model: Model) -> impl Kids {
    let days = Memo::new(move |_| model.meant.with(|tasks| completed(tasks, model.here())));
    let ahead = Memo::new(move |_| model.meant.with(|tasks| week(tasks, model.here())));
    (move || days.with(|days| tiles(days)), move || days.with(|days| year(days)), move || ahead.with(|ahead| bars(ahead)))
}

fn some(number: usize) -> String {
    if number == 1 { "1 task".to_owned() } else { format!("{number} tasks") }
}

fn tiles(days: &[Day]) -> impl Kids + use<> {
    let sum = |last: usize| days.iter().rev().take(last).map(|day| day.completed).sum::<usize>();
    // Today counts once something is done.
    let in_a_row = days
        .iter()
        .rev()
        .skip_while(|day| day.completed == 0 && days.last() == Some(*day))
        .take_while(|day| day.completed > 0)
        .count();
    let best = days.iter().map(|day| day.completed).max().unwrap_or_default();
    let tile = |name: &'static str, number: usize| div().child((dt().child(name), dd().child(number)));
    dl().class("tiles").child((
        tile("completed in 7 days", sum(7)),
        tile("completed in a year", sum(days.len())),
        tile("days in a row", in_a_row),
        tile("on the best day", best),
    ))
}

fn year(days: &[Day]) -> impl Kids + use<> {
    let all: usize = days.iter().map(|day| day.completed).sum();
    let (size, step) = SQUARE;
    let square = |day: &Day| {
        let said = title().child(format!("{}: {}", say_date(day.date), some(day.completed)));
        rect()
            .attr("class", format!("level-{}", day.level))
            .attr("x", day.week * step)
            .attr("y", MONTHS + u64::from(day.weekday) * step)
            .attr("width", size)
            .attr("height", size)
            .attr("rx", 2)
            .child(said)
    };
    let months = days.iter().filter(|day| day.date.day() == 1 && day.week + 3 < WEEKS);
    let names = months
        .map(|day| text().attr("x", day.week * step).attr("y", 9).child(day.date.format("%b").to_string()))
        .collect::<Vec<_>>();
    let said = format!("Tasks completed on each day of the past year: {all} in all. The table below has the numbers by month.");
    let drawn = svg()
        .attr("viewBox", format!("0 0 {} {}", WEEKS * step, MONTHS + 7 * step))
        .attr("role", "img")
        .attr("aria-label", said)
        .child((names, days.iter().map(square).collect::<Vec<_>>()));
    let level = |level: u8| i().class(&format!("level-{level}"));
    let legend = p().class("legend").child(("Fewer ", (0..5).map(level).collect::<Vec<_>>(), " More"));
    figure().class("chart").child((
        figcaption().child((h2().child("The past year"), p().child(format!("{} completed.", some(all))))),
        drawn,
        legend,
        by_month(days),
    ))
}

fn by_month(days: &[Day]) -> impl Kids + use<> {
    let mut months = Vec::<(String, usize)>::new();
    for day in days {
        let name = day.date.format("%B %Y").to_string();
        match months.last_mut() {
            Some((last, sum)) if *last == name => *sum += day.completed,
            _ => months.push((name, day.completed)),
        }
    }
    let head = thead().child(
        tr().child((th().attr("scope", "col").child("Month"), th().attr("scope", "col").class("number").child("Completed"))),
    );
    let row = |(month, sum): (String, usize)| tr().child((td().child(month), td().class("number").child(sum)));
    let rows = tbody().child(months.into_iter().map(row).collect::<Vec<_>>());
    details().child((summary().child("Show as a table"), div().class("table-wrap").child(table().child((head, rows)))))
}

fn bars(week: &[(NaiveDate, usize)]) -> impl Kids + use<> {
    let most = week.iter().map(|(_, due)| *due).max().unwrap_or_default().max(1);
    let all: usize = week.iter().map(|(_, due)| *due).sum();
    let name = |at: usize, day: &NaiveDate| if at == 0 { "Today".to_owned() } else { day.format("%a").to_string() };
    let bar = |(at, (day, due)): (usize, &(NaiveDate, usize))| {
        let (height, x) = (due * BAR / most, 10 + at * 48);
        let y = 124 - height;
        (
            rect()
                .attr("class", if at == 0 { "now" } else { "" })
                .attr("x", x)
                .attr("y", y)
                .attr("width", 32)
                .attr("height", height.max(1))
                .attr("rx", 3),
            text().attr("class", "value").attr("x", x + 16).attr("y", y - 6).attr("text-anchor", "middle").child(*due),
            text().attr("x", x + 16).attr("y", 140).attr("text-anchor", "middle").child(name(at, day)),
        )
    };
    let said: Vec<String> = week.iter().enumerate().map(|(at, (day, due))| format!("{} {due}", name(at, day))).collect();
    let drawn = svg()
        .attr("class", "bars")
        .attr("viewBox", "0 0 340 146")
        .attr("role", "img")
        .attr("aria-label", format!("Tasks due: {}.", said.join(", ")))
        .child(week.iter().enumerate().map(bar).collect::<Vec<_>>());
    let caption = figcaption()
        .child((h2().child("The week ahead"), p().child(format!("{} due; what is overdue counts for today.", some(all)))));
    figure().class("chart week").child((caption, drawn))
}
