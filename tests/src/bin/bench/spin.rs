//! The same components under our host and under the stock Spin CLI, on the same machine in the same run.

use super::load::{Figures, Shot, closed_loop};
use super::measures::{CLIENTS, LOAD, create, get};
use it::Host;
use serde_json::json;

pub async fn measure() {
    if !it::spin::is_there() {
        return println!("skipped: there is no Spin; SPIN names it, or it is on the PATH");
    }
    let (ours, theirs) = (Host::start(), Host::start_spin());
    let mut users = Vec::new();
    for host in [&ours, &theirs] {
        let user = host.user("bench").await;
        for n in 0..100 {
            user.task(&json!({"title": format!("task {n}")})).await;
        }
        users.push(user);
    }
    println!("{:<16} {:>12} {:>12} {:>7}   p99 of ours / of Spin", "", "ours 1/s", "Spin 1/s", "ratio");
    for what in ["hello", "list 20 of 100", "create"] {
        let mut figures: Vec<Figures> = Vec::new();
        // Each side's better run counts, so that a slow moment of the machine does not.
        for turn in 0..4 {
            let user = &users[turn % 2];
            let shot = move |index: usize, count: usize| -> Shot {
                match what {
                    "hello" => get("/".into()),
                    "create" => create(index, count),
                    _ => get("/api/todos?limit=20".into()),
                }
            };
            figures.push(closed_loop(&user.base, user.token.as_deref().expect("token"), CLIENTS, LOAD, shot).await);
        }
        let best = |a: usize, b: usize| if figures[a].per_second > figures[b].per_second { &figures[a] } else { &figures[b] };
        let (ours, theirs) = (best(0, 2), best(1, 3));
        println!(
            "{what:<16} {:>12.0} {:>12.0} {:>7.2}   {:.2?} / {:.2?}",
            ours.per_second,
            theirs.per_second,
            ours.per_second / theirs.per_second,
            ours.percentile(0.99),
            theirs.percentile(0.99)
        );
    }
}
