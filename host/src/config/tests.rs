use super::*;

fn sources(flags: &[(&str, &str)], variables: &[(&str, &str)], file: Option<PathBuf>) -> Sources {
    let map = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Sources { flags: map(flags), variables: map(variables), file }
}

fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tidings.toml");
    std::fs::write(&path, text).unwrap();
    (dir, path)
}

#[test]
fn defaults_are_good() {
    let config = Config::read(&Sources::default()).unwrap();
    assert_eq!(config.listen.public.to_string(), "127.0.0.1:8080");
    assert!(config.identity.external.is_none());
}

#[test]
fn flag_beats_variable_beats_file_beats_default() {
    let (_dir, path) = file("listen = '127.0.0.1:1'\nops_listen = '127.0.0.1:1'\ndrain_timeout = '1s'\nthreads = 3");
    let variables = [("TIDINGS_LISTEN", "127.0.0.1:2"), ("TIDINGS_OPS_LISTEN", "127.0.0.1:2"), ("TIDINGS_THREADS", "")];
    let config = Config::read(&sources(&[("listen", "127.0.0.1:3")], &variables, Some(path))).unwrap();
    assert_eq!((config.listen.public.port(), config.listen.ops.port()), (3, 2));
    assert_eq!((config.drain.timeout, config.threads), (Duration::from_secs(1), Some(3)));
}

#[test]
fn every_fault_is_reported_with_its_place() {
    let (_dir, path) = file("ops-listen = 'x'\ndrain_timeout = 'soon'\n[log]\na = 1");
    let variables = [("TIDINGS_BUS", "pigeons"), ("TIDINGS_DATABASE_URL", "mysql://ada:hunter2@x"), ("TIDINGS_JWT_ISSUER", "i")];
    let Faults(faults) = Config::read(&sources(&[("listen", "nowhere")], &variables, Some(path))).unwrap_err();
    let all = faults.join("\n");
    for expected in [
        "--listen: `nowhere`",
        "did you mean ops_listen?",
        "tidings.toml: drain_timeout: `soon`",
        "tidings.toml: log: takes one value",
        "TIDINGS_BUS: `pigeons`",
        "TIDINGS_DATABASE_URL: a database URL looks like postgres://",
        "TIDINGS_JWT_AUDIENCE is not set",
    ] {
        assert!(all.contains(expected), "{expected} is missing in:\n{all}");
    }
    assert!(!all.contains("hunter2"), "{all}");
}

#[test]
fn a_database_is_named_by_its_url_whose_password_is_never_shown() {
    let url = "postgres://ada:hunter2@db.example.org:5433/tasks";
    let (_dir, path) = file(&format!("{url}\n"));
    for source in [("TIDINGS_DATABASE_URL", url), ("TIDINGS_DATABASE_URL_FILE", path.to_str().unwrap())] {
        let config = Config::read(&sources(&[], &[source], None)).unwrap();
        assert_eq!(config.database.as_ref().unwrap().to_string(), "tasks on db.example.org:5433");
        assert!(!format!("{config:?}").contains("hunter2"));
    }
    let few = [("TIDINGS_DATABASE_URL", url), ("TIDINGS_DATABASE_CONNECTIONS", "2")];
    let error = Config::read(&sources(&[], &few, None)).unwrap_err().to_string();
    assert!(error.contains("4 database connections") && !error.contains("hunter2"), "{error}");
    assert!(Config::read(&Sources::default()).unwrap().database.is_none());
}

#[test]
fn secrets_come_from_files_and_are_never_shown() {
    let (_dir, path) = file(&format!("{}\n", "s".repeat(32)));
    let issuer = [("TIDINGS_JWT_ISSUER", "i"), ("TIDINGS_JWT_AUDIENCE", "a")];
    let from_file = [&issuer[..], &[("TIDINGS_JWT_SECRET_FILE", path.to_str().unwrap())]].concat();
    let config = Config::read(&sources(&[], &from_file, None)).unwrap();
    assert!(format!("{config:?}").contains("[secret]"));
    let both = [&from_file[..], &[("TIDINGS_JWT_SECRET", "hunter2")]].concat();
    let error = Config::read(&sources(&[], &both, None)).unwrap_err().to_string();
    assert!(error.contains("both set") && !error.contains("hunter2") && !error.contains("sss"), "{error}");
}

#[test]
fn the_sidecars_token_has_daprs_own_name_and_is_never_shown() {
    let variables = [("APP_API_TOKEN", "hunter2"), ("TIDINGS_APP_LISTEN", "127.0.0.1:8000")];
    let config = Config::read(&sources(&[], &variables, None)).unwrap();
    assert_eq!(config.listen.app_token, Some(Secret::new("hunter2")));
    assert!(!format!("{config:?}").contains("hunter2") && config.remarks.is_empty(), "{config:?}");
    let open = Config::read(&sources(&[], &variables[1..], None)).unwrap();
    assert!(open.remarks.iter().any(|remark| remark.contains("APP_API_TOKEN")), "{:?}", open.remarks);
}

#[test]
fn a_test_says_where_the_clock_begins_and_where_the_process_ends() {
    let test = |clock, fault| Config::read(&sources(&[], &[("TIDINGS_TEST_CLOCK", clock), ("TIDINGS_TEST_FAULT", fault)], None));
    let read = test("2026-05-01T09:00:00Z", "ticked:2").unwrap().test;
    assert_eq!(read.clock, Some(Timestamp::parse("2026-05-01T09:00:00Z").ok()));
    assert_eq!(read.fault, FaultPoint::parse("ticked:2").ok());
    assert_eq!(test("system", "ticked").unwrap().test.clock, Some(None));
    assert_eq!(test("noon", "lunch").unwrap_err().0.len(), 2);
}

#[test]
fn what_goes_through_a_sidecar_needs_one() {
    let Faults(faults) = Config::read(&sources(&[], &[("TIDINGS_BUS", "dapr"), ("TIDINGS_MEMORY", "dapr")], None)).unwrap_err();
    let all = faults.join("\n");
    assert!(all.contains("TIDINGS_BUS=dapr needs it") && all.contains("TIDINGS_MEMORY=dapr needs it"), "{all}");
    assert!(all.contains("TIDINGS_APP_LISTEN is not set"), "{all}");
    let variables = [
        ("TIDINGS_BUS", "dapr"),
        ("DAPR_HTTP_PORT", "3500"),
        ("DAPR_API_TOKEN", "hunter2"),
        ("TIDINGS_APP_LISTEN", "127.0.0.1:0"),
        ("TIDINGS_ROLES", "api,sse"),
    ];
    let config = Config::read(&sources(&[], &variables, None)).unwrap();
    assert_eq!((config.bus, config.sidecar.as_ref().map(|sidecar| sidecar.port)), (BusKind::Dapr, Some(3500)));
    assert!(!config.roles.all() && !format!("{config:?}").contains("hunter2"), "{config:?}");
    let wrong = Config::read(&sources(&[], &[("DAPR_HTTP_PORT", "0"), ("TIDINGS_ROLES", "api,cook")], None)).unwrap_err().0;
    assert!(
        wrong.iter().any(|fault| fault.contains("no port")) && wrong.iter().any(|fault| fault.contains("no role")),
        "{wrong:?}"
    );
}

#[test]
fn a_bus_that_lives_elsewhere_is_told_where() {
    let read = |more: &[(&str, &str)]| Config::read(&sources(&[], &[&[("TIDINGS_BUS", "kafka")], more].concat(), None));
    let Faults(faults) = read(&[]).unwrap_err();
    assert!(faults.concat().contains("TIDINGS_KAFKA_BROKERS is not set"), "{faults:?}");
    let wrong = [
        ("TIDINGS_KAFKA_BROKERS", "nowhere"),
        ("TIDINGS_KAFKA_TLS", "perhaps"),
        ("TIDINGS_KAFKA_SASL_MECHANISM", "GSSAPI"),
        ("TIDINGS_KAFKA_SASL_PASSWORD", "hunter2"),
    ];
    let Faults(faults) = read(&wrong).unwrap_err();
    assert_eq!(faults.len(), 4, "{faults:?}");
    assert!(!faults.concat().contains("hunter2"), "{faults:?}");
    let config = read(&[("TIDINGS_KAFKA_BROKERS", "a:1,b:2"), ("TIDINGS_KAFKA_PREFIX", "staging.")]).unwrap();
    assert_eq!(config.bus, BusKind::Kafka);
    assert_eq!(config.kafka.map(|kafka| (kafka.brokers, kafka.prefix)), Some(("a:1,b:2".to_owned(), "staging.".to_owned())));
}

#[test]
fn a_broken_file_is_not_quoted() {
    let (_dir, path) = file("jwt_secret = 'hunter2' oops");
    let error = Config::read(&sources(&[], &[], Some(path))).unwrap_err().to_string();
    assert!(error.contains("no TOML") && !error.contains("hunter2"), "{error}");
}

#[test]
fn misspelt_variables_are_remarked_upon() {
    let variables = [("TIDINGS_LISTN", "x"), ("TIDINGS_SERVICE_HOST", "10.0.0.1"), ("TIDINGS_LISTEN", "127.0.0.1:0")];
    let config = Config::read(&sources(&[], &variables, None)).unwrap();
    assert_eq!(config.remarks.len(), 1, "{:?}", config.remarks);
}

#[test]
fn the_public_url_is_an_origin() {
    assert_eq!(origin("https://Tasks.example.org:443/"), Ok("https://tasks.example.org".to_owned()));
    for bad in ["tasks.example.org", "ftp://x", "https://x/path", "https://user@x", "https://x?q"] {
        assert!(origin(bad).is_err(), "{bad}");
    }
}
