//! Figures, printed and not asserted: `cargo test --release -p tidings --lib scale -- --ignored --nocapture`.

use super::agenda::given;
use super::{Fixture, at, creation, set, task, user};
use crate::store::{Agenda, AgendaPosition, ChangeSet, DueTask, Ledger};
use domain::id::UserId;
use domain::query::{SortBy, SortOrder, Status, TaskQuery};
use domain::task::{Description, Notices, Priority, Tag, Tags, Task, Title};
use std::time::{Duration, Instant};

const TASKS: usize = 100_000;
const WORDS: [&str; 16] = [
    "water",
    "plants",
    "call",
    "grandmother",
    "pay",
    "rent",
    "book",
    "train",
    "mend",
    "bicycle",
    "write",
    "letter",
    "buy",
    "bread",
    "clean",
    "kitchen",
];

/// Mostly open, a rare tag, a common word in all, a rare one in few; overdue tasks are the oldest.
fn varied(n: usize) -> Task {
    let word = |k: usize| WORDS[(n.wrapping_mul(2_654_435_761) >> k) % WORDS.len()];
    let rare = if n % 10_000 == 77 { " zeppelin" } else { "" };
    let mut tags = vec![Tag::new(["home", "work", "garden"][n % 3]).unwrap()];
    if n % 5_000 == 13 {
        tags.push(Tag::new("rare").unwrap());
    }
    if n < TASKS / 20 {
        tags.push(Tag::new("old").unwrap());
    }
    Task {
        title: Title::new(&format!("{} the {} {n}{rare}", word(3), word(7))).unwrap(),
        description: n
            .is_multiple_of(3)
            .then(|| Description::new(&format!("{} and {} before {}", word(11), word(15), word(19))).unwrap()),
        completed_at: n.is_multiple_of(4).then(|| at(n as i64)),
        priority: [Priority::Low, Priority::Medium, Priority::Medium, Priority::High][n / 3 % 4],
        tags: Tags::new(tags).unwrap(),
        due_date: n.is_multiple_of(2).then(|| at(n as i64)),
        created_at: at(n as i64),
        ..task("x")
    }
}

fn all() -> TaskQuery {
    TaskQuery::everything(at(30_000), 50)
}

fn filters() -> Vec<(&'static str, TaskQuery)> {
    let tag = |name: &str| vec![Tag::new(name).unwrap()];
    let text = |text: &str| Some(text.to_owned());
    vec![
        ("everything", all()),
        ("open", TaskQuery { status: Some(Status::Open), ..all() }),
        ("overdue", TaskQuery { status: Some(Status::Overdue), ..all() }),
        ("completed, high", TaskQuery { status: Some(Status::Completed), priority: Some(Priority::High), ..all() }),
        ("tag on a third", TaskQuery { tags: tag("home"), ..all() }),
        ("tag on the oldest", TaskQuery { tags: tag("old"), ..all() }),
        ("rare tag", TaskQuery { tags: tag("rare"), ..all() }),
        ("common word", TaskQuery { text: text("the"), ..all() }),
        ("word of some", TaskQuery { text: text("Grandmother"), ..all() }),
        ("rare word", TaskQuery { text: text("zeppelin"), ..all() }),
        ("absent word", TaskQuery { text: text("xylophone"), ..all() }),
        ("number", TaskQuery { text: text("9977"), ..all() }),
        ("two letters", TaskQuery { text: text("zz"), ..all() }),
        ("one letter", TaskQuery { text: text("z"), ..all() }),
        ("absent letter", TaskQuery { text: text("é"), ..all() }),
        ("word and rare tag", TaskQuery { text: text("the"), tags: tag("rare"), ..all() }),
        ("due in a day", TaskQuery { due_after: Some(at(50_000)), due_before: Some(at(51_440)), ..all() }),
        ("due late", TaskQuery { due_after: Some(at(60_000)), ..all() }),
        ("due early", TaskQuery { due_before: Some(at(40_000)), ..all() }),
    ]
}

async fn fill(fixture: &Fixture, ada: &UserId) {
    let start = Instant::now();
    for chunk in (0..TASKS).collect::<Vec<_>>().chunks(500) {
        fixture.store.commit(set(ada, chunk.iter().map(|n| creation(varied(*n))).collect())).await.unwrap();
    }
    println!("filled with {TASKS} tasks in {:.1?}", start.elapsed());
}

fn p99(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort();
    (times[times.len() / 2], times[times.len() * 99 / 100])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a minute: figures"]
async fn scale_of_lists() {
    let (fixture, ada) = (Fixture::new().await, user("0192f0c1-2a3b-7c4d-8e5f-0123456789ab"));
    fill(&fixture, &ada).await;
    let sorts = [SortBy::Created, SortBy::Due, SortBy::Priority, SortBy::Title];
    for (name, filter) in filters() {
        for sort in sorts {
            for order in [SortOrder::Ascending, SortOrder::Descending] {
                let mut times = Vec::new();
                let mut query = TaskQuery { sort, order, ..filter.clone() };
                let mut seen = 0;
                for _ in 0..40 {
                    let start = Instant::now();
                    let page = fixture.store.tasks(&ada, &query).await.unwrap();
                    times.push(start.elapsed());
                    seen += page.len();
                    query.after = page.last().map(|task| sort.position_of(task));
                }
                // From the middle of everything.
                query.after = Some(sort.position_of(&varied(TASKS / 2)));
                for _ in 0..10 {
                    let start = Instant::now();
                    fixture.store.tasks(&ada, &query).await.unwrap();
                    times.push(start.elapsed());
                }
                let (median, p99) = p99(times);
                let mark = if p99 > Duration::from_millis(20) { "  <-- over 20 ms" } else { "" };
                println!("{name:18} {sort:?} {order:?} ({seen}): median {median:.2?} p99 {p99:.2?}{mark}");
            }
        }
    }
}

/// Open tasks of a thousand users with a notice to come, a few of them in one minute.
const AGENDA: usize = 1_000_000;
const AT_ONCE: usize = 10_000;

async fn time_of_a_look(fixture: &Fixture, minute: i64) -> (Duration, Duration) {
    let mut times = Vec::new();
    for _ in 0..50 {
        let start = Instant::now();
        fixture.store.next_reminder().await.unwrap();
        fixture.store.due(at(minute), None, 500).await.unwrap();
        times.push(start.elapsed());
    }
    p99(times)
}

/// One of a million. The first few are due in the minute before 0.
fn noticed(n: usize) -> Task {
    let moment = at(if n < AT_ONCE { -1 } else { 1 + n as i64 });
    let notices = Notices { upcoming: None, overdue: Some(moment) };
    Task { due_date: Some(moment), notices, ..task("to be reminded of") }
}

/// A look costs as much beside a million tasks as beside none; what is due in one minute is walked through, and given.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: figures"]
async fn scale_of_the_agenda() {
    let fixture = Fixture::new().await;
    println!("nothing kept: median and p99 {:.2?}", time_of_a_look(&fixture, 0).await);
    let start = Instant::now();
    for chunk in (0..AGENDA).collect::<Vec<_>>().chunks(1_000) {
        let id = user(&format!("user {}", chunk[0] / 1_000));
        fixture.store.commit(set(&id, chunk.iter().map(|n| creation(noticed(*n))).collect())).await.unwrap();
    }
    println!("filled with {AGENDA} tasks in {:.1?}", start.elapsed());
    println!("nothing due: median and p99 {:.2?}", time_of_a_look(&fixture, -2).await);
    println!("{AT_ONCE} due: median and p99 {:.2?}", time_of_a_look(&fixture, -1).await);

    let start = Instant::now();
    let (mut due, mut after): (Vec<DueTask>, Option<AgendaPosition>) = (Vec::new(), None);
    loop {
        let page = fixture.store.due(at(-1), after, 500).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.position);
        due.extend(page);
    }
    println!("walked through {} in {:.1?}", due.len(), start.elapsed());
    let start = Instant::now();
    for chunk in due.chunks(32) {
        let sets = chunk.iter().map(|due| fixture.store.commit(given(&due.user, &due.task)));
        for answer in futures::future::join_all(sets).await {
            answer.unwrap();
        }
    }
    println!("gave {} in {:.1?}, 32 at a time", due.len(), start.elapsed());
    println!("nothing due: median and p99 {:.2?}", time_of_a_look(&fixture, 0).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "figures"]
async fn scale_of_writes() {
    let fixture = Fixture::new().await;
    for clients in [1usize, 32, 256] {
        let start = Instant::now();
        let until = Duration::from_secs(3);
        let work = (0..clients).map(|client| {
            let store = fixture.store.clone();
            let id = user(&format!("0192f0c1-2a3b-7c4d-8e5f-{client:012}"));
            async move {
                let mut done = 0u32;
                while start.elapsed() < until {
                    let set: ChangeSet = set(&id, vec![creation(varied(done as usize))]);
                    store.commit(set).await.unwrap();
                    done += 1;
                }
                done
            }
        });
        let tasks = crate::task::Tasks::default();
        let running: Vec<_> = work.map(|work| tasks.spawn("client", work)).collect();
        let mut done = 0;
        for client in running {
            done += client.await.unwrap();
        }
        println!("{clients} clients: {:.0} commits/s", f64::from(done) / start.elapsed().as_secs_f64());
    }
}
