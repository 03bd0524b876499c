//! What a manifest says, and what is wrong with one.

use super::*;

const GOOD: &str = r#"
    spin_manifest_version = 2
    [application]
    name = "x"
    version = "1.2.3"
    [[trigger.http]]
    route = "/api/todos/..."
    component = "a"
    [[trigger.http]]
    route = "/api/todos/special"
    component = "b"
    [[trigger.http]]
    route = "/api/todos/deep/..."
    component = "b"
    [component.a]
    source = "a.wasm"
    [component.a.tool.tidings]
    ports = ["ledger", "clock"]
    memory_mib = 8
    [component.b]
    source = "b.wasm"
"#;

#[test]
fn what_it_says_is_what_holds() {
    let manifest = Manifest::parse(GOOD).unwrap();
    assert_eq!(manifest.version, "1.2.3");
    let a = &manifest.components["a"];
    assert_eq!((a.source.as_str(), a.limits.memory, a.limits.reuse), ("a.wasm", 8 << 20, 1));
    assert_eq!(a.ports, [Port::Clock, Port::Ledger]);
    assert!(manifest.components["b"].ports.is_empty(), "nothing is granted that is not named");
}

#[test]
fn the_exact_path_then_the_longest_wildcard() {
    let routes = Manifest::parse(GOOD).unwrap().routes;
    for (path, component) in [
        ("/api/todos", Some("a")),
        ("/api/todos/", Some("a")),
        ("/api/todos/1/history", Some("a")),
        ("/api/todos/special", Some("b")),
        ("/api/todos/special/1", Some("a")),
        ("/api/todos/deep", Some("b")),
        ("/api/todos/deep/er", Some("b")),
        ("/api/todos/deeper", Some("a")),
        ("/api/todosx", None),
        ("/api", None),
        ("/", None),
        ("", None),
    ] {
        assert_eq!(routes.find(path), component, "{path}");
    }
}

#[test]
fn what_is_for_spin_alone_is_left_aside() {
    let text = GOOD.replace("[component.b]", "[component.b.tool.tidings]\nhost = 'spin'\n[component.b]");
    let Manifest { components, routes, .. } = Manifest::parse(&text).unwrap();
    assert_eq!((components.len(), routes.find("/api/todos/special")), (1, Some("a")));
}

#[test]
fn all_faults_come_together() {
    let Faults(faults) = Manifest::parse(
        r#"
        spin_manifest_version = 1
        [[trigger.http]]
        route = "api/:id"
        component = "nobody"
        [component.a]
        allowed_outbound_hosts = ["https://example.org"]
        [component.a.tool.tidings]
        ports = ["ledger", "sockets", 3]
        memory_mib = 0
        reuze = 2
    "#,
    )
    .unwrap_err();
    for expected in
        ["version", "nobody", "parameters", "source", "lets no component out", "sockets", "3 is no port", "memory_mib", "reuze"]
    {
        assert!(faults.iter().any(|fault| fault.contains(expected)), "{expected} in {faults:#?}");
    }
    assert_eq!(faults.len(), 9, "{faults:#?}");
}

#[test]
fn what_a_component_hears() {
    let hears = |settings: &str| Manifest::parse(&GOOD.replace("memory_mib = 8", settings));
    let manifest = hears("group = 'g'\ntopics = ['reminders', 'task-events']\ntypes = ['task.completed']").unwrap();
    let (topics, types) = (["reminders", "task-events"].map(str::to_owned).to_vec(), vec!["task.completed".to_owned()]);
    assert_eq!(manifest.components["a"].subscription, Some(Subscription { group: "g".to_owned(), topics, types }));
    assert_eq!(manifest.components["b"].subscription, None);
    for (settings, expected) in [
        ("group = 'g'", "needs a group"),
        ("topics = ['reminders']", "needs a group"),
        ("group = 1\ntopics = ['reminders']", "needs a group"),
        ("group = 'g'\ntopics = 'reminders'", "topics is a list"),
        ("group = 'g'\ntopics = ['reminder']", "\"reminder\" is no topic"),
        ("group = 'g'\ntopics = ['reminders']\ntypes = [1]", "types is a list"),
        ("types = ['task.completed']", "needs a group"),
    ] {
        let faults = hears(settings).unwrap_err().to_string();
        assert!(faults.contains(expected), "{settings}: {faults}");
    }
}

#[test]
fn failure_21_no_two_components_share_a_group() {
    let hears = "[component.b.tool.tidings]\ngroup = 'g'\ntopics = ['reminders']";
    let text = GOOD.replace("memory_mib = 8", "group = 'g'\ntopics = ['task-events']") + hears;
    assert!(Manifest::parse(&text).unwrap_err().to_string().contains("each other's events"));
}

#[test]
fn one_route_leads_to_one_component() {
    let text = GOOD.replace("/api/todos/deep/...", "/api/todos/...");
    assert!(Manifest::parse(&text).unwrap_err().to_string().contains("remove one"));
}
