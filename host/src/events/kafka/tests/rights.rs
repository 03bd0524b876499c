//! Topics, logins, rights and TLS: what is made, and what is said where it cannot be.

use super::*;
use crate::identity::Secret;
use parts::kafka::{PASSWORD, USER};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;

fn admin(config: &KafkaConfig) -> AdminClient<DefaultClientContext> {
    config.client().create().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_are_made_once_with_their_parts_and_their_retention() {
    let Some(world) = World::new().await else { return };
    assert_eq!(missing_topics(&world.config).await.unwrap().len(), 6);
    make_topics(&world.config).await.unwrap();
    make_topics(&world.config).await.unwrap();
    assert!(missing_topics(&world.config).await.unwrap().is_empty());
    let admin = admin(&world.config);
    let metadata = tokio::task::block_in_place(|| admin.inner().fetch_metadata(None, Duration::from_secs(10))).unwrap();
    for (topic, parts) in [
        ("task-events", 3),
        ("reminders", 1),
        ("task-updates", 3),
        ("task-events.dlq", 1),
        ("reminders.dlq", 1),
        ("task-updates.dlq", 1),
    ] {
        let name = format!("{}{topic}", world.config.prefix);
        let made = metadata.topics().iter().find(|made| made.name() == name).expect("it is there");
        assert_eq!(made.partitions().len(), parts, "{name}");
        let described = admin.describe_configs(&[ResourceSpecifier::Topic(&name)], &AdminOptions::new()).await.unwrap();
        let config = described.into_iter().next().unwrap().unwrap();
        assert_eq!(config.get("retention.ms").unwrap().value.as_deref(), Some("604800000"), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_that_are_there_otherwise_are_worked_with() {
    let Some(world) = World::new().await else { return };
    let topic = format!("{}task-events", world.config.prefix);
    let other = NewTopic::new(&topic, 1, TopicReplication::Fixed(1)).set("retention.ms", "1000000");
    admin(&world.config).create_topics(&[other], &AdminOptions::new()).await.unwrap();
    let cluster = Cluster::new(world.config.clone());
    let mut topics = Topics::new(cluster.clone(), Publisher::new(cluster));
    let remarks = topics.look().await.unwrap();
    assert_eq!(remarks.len(), 2, "{remarks:?}");
    assert!(remarks[0].contains("1 partitions") && remarks[1].contains("1000000 ms"), "{remarks:?}");
    assert!(topics.look().await.unwrap().is_empty(), "it is said once");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_guarded_cluster_has_against_us_is_said_in_words_that_help() {
    if !present("Kafka", Kafka::present()) {
        return;
    }
    let kafka = tokio::task::block_in_place(Kafka::start_guarded).unwrap();
    let by = |mechanism, password: &str| Login { mechanism, username: USER.to_owned(), password: Secret::new(password) };
    let login = |password: &str| by("PLAIN", password);
    let guarded = KafkaConfig { login: Some(login(PASSWORD)), ..config(&kafka.brokers_with_login()) };
    let refused = async |config: &KafkaConfig| make_topics(config).await.expect_err("it is refused");

    let nowhere = refused(&config("127.0.0.1:1")).await;
    assert!(nowhere.contains("refused") && nowhere.contains("TIDINGS_KAFKA_BROKERS"), "{nowhere}");
    let unknown = refused(&config("no-such-host.invalid:9092")).await;
    assert!(unknown.contains("resolve") && unknown.contains("TIDINGS_KAFKA_BROKERS"), "{unknown}");
    let wrong = refused(&KafkaConfig { login: Some(login("hunter2")), ..guarded.clone() }).await;
    assert!(wrong.contains("Authentication failed") && wrong.contains("TIDINGS_KAFKA_SASL_PASSWORD"), "{wrong}");
    assert!(!wrong.contains("hunter2"), "{wrong}");
    let no_right = refused(&guarded).await;
    assert!(no_right.contains("task-events") && no_right.contains("right to create"), "{no_right}");
    let no_login = refused(&KafkaConfig { login: None, ..guarded.clone() }).await;
    assert!(no_login.contains("TIDINGS_KAFKA"), "{no_login}");

    let user = format!("User:{USER}");
    let prefix = guarded.prefix.clone();
    let allow = |args: &[&str]| {
        let args = [&["--add", "--allow-principal", &user, "--resource-pattern-type", "prefixed"], args].concat();
        tokio::task::block_in_place(|| kafka.tool("kafka.admin.AclCommand", &args)).unwrap();
    };
    allow(&["--operation", "All", "--topic", &prefix]);
    allow(&["--operation", "All", "--group", &prefix]);
    make_topics(&guarded).await.unwrap();
    for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-512"] {
        let scram = |password: &str| KafkaConfig { login: Some(by(mechanism, password)), ..guarded.clone() };
        assert!(missing_topics(&scram(PASSWORD)).await.unwrap().is_empty(), "{mechanism}");
        let wrong = refused(&scram("hunter2")).await;
        assert!(wrong.contains("TIDINGS_KAFKA_SASL_PASSWORD") && !wrong.contains("hunter2"), "{mechanism}: {wrong}");
    }

    let tls = Tls { ca_file: Some(kafka.certificate()), client: None };
    let by_tls = KafkaConfig { tls: Some(tls.clone()), ..config(&kafka.brokers_with_tls()) };
    let untrusted = refused(&KafkaConfig { tls: Some(Tls::default()), ..by_tls.clone() }).await;
    assert!(untrusted.contains("certificate") && untrusted.contains("TIDINGS_KAFKA_TLS_CA_FILE"), "{untrusted}");
    // Who comes by TLS has no name there, and so may do everything.
    make_topics(&by_tls).await.unwrap();

    let known = Tls { client: Some(kafka.client_certificate()), ..tls.clone() };
    let by_certificate = |tls| KafkaConfig { tls: Some(tls), ..config(&kafka.brokers_with_mutual_tls()) };
    make_topics(&by_certificate(known)).await.unwrap();
    let nobody = refused(&by_certificate(tls)).await;
    assert!(nobody.contains("TIDINGS_KAFKA_TLS_CERT_FILE"), "{nobody}");
}
