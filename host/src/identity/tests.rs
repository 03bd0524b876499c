//! Identity as a whole: who gets in, who does not, and what ends it.

use super::testing::{BreakableAccounts, FixedClock};
use super::*;
use std::net::IpAddr;

const START: i64 = 1_900_000_000_500;
const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
const PASSWORD: &str = "correct horse battery";
const ANOTHER: &str = "another horse";

struct World {
    identity: Identity,
    clock: Arc<FixedClock>,
    store: Arc<BreakableAccounts>,
}

async fn world() -> World {
    world_with(|_| ()).await
}

async fn world_with(change: impl FnOnce(&mut IdentityConfig)) -> World {
    let (clock, store) = (FixedClock::at(START), BreakableAccounts::open().await);
    let passwords = PasswordCost { memory_kib: 64, passes: 1, at_once: 2, waiting: 64 };
    let mut config = IdentityConfig { passwords, ..IdentityConfig::default() };
    change(&mut config);
    let key = SigningKey::from_bytes(&[1; 32]);
    let identity = Identity::new(store.clone(), clock.clone(), &Tasks::default(), key, config).unwrap();
    World { identity, clock, store }
}

fn with_bearer(token: &str) -> Credentials {
    Credentials { method: "POST".into(), authorization: vec![format!("Bearer {token}")], ..Credentials::default() }
}

impl World {
    async fn sign_up(&self, email: &str) -> SignedIn {
        self.identity.sign_up(email, Secret::new(PASSWORD), Some("Name".into())).await.unwrap()
    }

    async fn sign_in(&self, email: &str, password: &str) -> Result<SignedIn, AccountError> {
        self.identity.sign_in(email, Secret::new(password), PEER).await
    }

    async fn change(&self, principal: &Principal, current: &str, new: &str) -> Result<(), AccountError> {
        self.identity.change_password(principal, Secret::new(current), Secret::new(new), PEER).await
    }

    async fn who(&self, token: &Secret) -> Result<Principal, Denied> {
        self.identity.authenticate(&with_bearer(token.expose())).await
    }

    async fn token(
        &self,
        principal: &Principal,
        scopes: &[&str],
        expires_at: Option<Timestamp>,
    ) -> Result<NewApiToken, AccountError> {
        let scopes: Vec<String> = scopes.iter().map(ToString::to_string).collect();
        self.identity.create_token(principal, "laptop", &scopes, expires_at).await
    }
}

#[tokio::test]
async fn signing_up_signs_in_and_the_address_is_taken_in_any_case() {
    let world = world().await;
    let first = world.sign_up("Ann@Example.org").await;
    assert_eq!(first.user.email.as_deref(), Some("ann@example.org"));
    assert_eq!(first.expires_in, 30 * 24 * 60 * 60);
    let again = world.identity.sign_up("ANN@example.org", Secret::new(PASSWORD), None).await;
    assert_eq!(again, Err(AccountError::Taken));
    let second = world.sign_in("aNN@example.ORG", PASSWORD).await.unwrap();
    assert_eq!(second.user, first.user);
    assert_ne!(second.access_token, first.access_token);
    let principal = world.who(&second.access_token).await.unwrap();
    assert_eq!(principal.actor, Actor { kind: ActorKind::User, id: first.user.id.to_string() });
    assert_eq!(world.identity.me(&principal).await.unwrap(), first.user);
}

#[tokio::test]
async fn a_sign_in_ends_in_the_second_it_says() {
    let world = world_with(|config| config.sign_in_lifetime = Duration::from_secs(60)).await;
    let token = world.sign_up("ann@example.org").await.access_token;
    let principal = world.who(&token).await.unwrap();
    assert_eq!(principal.expires_at.unwrap().millis(), START - 500 + 60_000);
    world.clock.advance(59_499);
    assert!(world.who(&token).await.is_ok() && world.identity.still_valid(&principal).await.unwrap());
    world.clock.advance(1);
    assert_eq!(world.who(&token).await, Err(Denied::Invalid));
    assert!(!world.identity.still_valid(&principal).await.unwrap());
}

#[tokio::test]
async fn signing_out_ends_this_sign_in_and_no_other() {
    let world = world().await;
    let here = world.sign_up("ann@example.org").await.access_token;
    let there = world.sign_in("ann@example.org", PASSWORD).await.unwrap().access_token;
    let principal = world.who(&here).await.unwrap();
    let mut ended = world.identity.ended();
    world.identity.sign_out(&principal).await.unwrap();
    assert!(ended.recv().await.unwrap().ends(&principal));
    assert!(!world.identity.still_valid(&principal).await.unwrap());
    assert_eq!(world.who(&here).await, Err(Denied::Invalid));
    let other = world.who(&there).await.unwrap();
    assert!(!Ended::SignIn(Uuid::nil()).ends(&other) && world.identity.still_valid(&other).await.unwrap());
}

#[tokio::test]
async fn wrong_password_and_unknown_address_are_one_answer_and_count_alike() {
    let world = world().await;
    world.sign_up("ann@example.org").await;
    for email in ["ann@example.org", "nobody@example.org"] {
        assert_eq!(world.sign_in(email, "wrong").await, Err(AccountError::Wrong));
    }
    for n in 2..10 {
        assert_eq!(world.sign_in(&format!("{n}@example.org"), "wrong").await, Err(AccountError::Wrong));
    }
    assert_eq!(world.sign_in("ann@example.org", PASSWORD).await, Err(AccountError::Throttled(60)));
    let elsewhere = IpAddr::from([10, 0, 0, 2]);
    assert!(
        world.identity.sign_in("ann@example.org", Secret::new(PASSWORD), elsewhere).await.is_ok(),
        "another peer, one failure"
    );
    assert!(world.identity.sign_up("new@example.org", Secret::new(PASSWORD), None).await.is_ok(), "signing up is not affected");
    world.clock.advance(60_000);
    assert!(world.sign_in("ann@example.org", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn guesses_side_by_side_get_ten_answers() {
    let world = world().await;
    world.sign_up("ann@example.org").await;
    let guesses = futures::future::join_all((0..40).map(|_| world.sign_in("ANN@example.org", "wrong"))).await;
    assert_eq!(guesses.iter().filter(|guess| **guess == Err(AccountError::Wrong)).count(), 10);
    assert!(guesses.iter().all(|guess| matches!(guess, Err(AccountError::Wrong | AccountError::Throttled(_)))));
}

#[tokio::test]
async fn deleting_the_account_takes_the_password_and_ends_everything() {
    let world = world().await;
    let token = world.sign_up("ann@example.org").await.access_token;
    let principal = world.who(&token).await.unwrap();
    let api = world.token(&principal, &["tasks:read"], None).await.unwrap().secret;
    let wrong = world.identity.delete_account(&principal, Secret::new("wrong"), PEER).await;
    assert_eq!(wrong, Err(AccountError::Wrong));
    let mut ended = world.identity.ended();
    world.identity.delete_account(&principal, Secret::new(PASSWORD), PEER).await.unwrap();
    assert!(ended.recv().await.unwrap().ends(&principal));
    assert_eq!(world.who(&token).await, Err(Denied::Invalid));
    assert_eq!(world.who(&api).await, Err(Denied::Invalid));
    assert_eq!(world.identity.me(&principal).await, Err(AccountError::Ended));
    assert_eq!(world.sign_in("ann@example.org", PASSWORD).await, Err(AccountError::Wrong));
    world.sign_up("ann@example.org").await;
}

#[tokio::test]
async fn the_password_for_deleting_is_throttled_like_any() {
    let world = world().await;
    let token = world.sign_up("ann@example.org").await.access_token;
    let principal = world.who(&token).await.unwrap();
    for _ in 0..10 {
        let wrong = world.identity.delete_account(&principal, Secret::new("wrong"), PEER).await;
        assert_eq!(wrong, Err(AccountError::Wrong));
    }
    let right = world.identity.delete_account(&principal, Secret::new(PASSWORD), PEER).await;
    assert_eq!(right, Err(AccountError::Throttled(60)));
}

#[tokio::test]
async fn a_new_password_replaces_the_old_one_and_ends_every_other_sign_in() {
    let world = world().await;
    let here = world.sign_up("ann@example.org").await.access_token;
    let there = world.sign_in("ann@example.org", PASSWORD).await.unwrap().access_token;
    let bob = world.who(&world.sign_up("bob@example.org").await.access_token).await.unwrap();
    let (ann, elsewhere) = (world.who(&here).await.unwrap(), world.who(&there).await.unwrap());
    let api = world.token(&ann, &["tasks:read"], None).await.unwrap().secret;
    let program = world.who(&api).await.unwrap();
    let mut ended = world.identity.ended();
    world.change(&ann, PASSWORD, ANOTHER).await.unwrap();
    let ended = ended.recv().await.unwrap();
    assert!(ended.ends(&elsewhere) && !world.identity.still_valid(&elsewhere).await.unwrap());
    assert_eq!(world.who(&there).await, Err(Denied::Invalid));
    for stays in [&ann, &program, &bob] {
        assert!(!ended.ends(stays) && world.identity.still_valid(stays).await.unwrap());
    }
    assert!(world.who(&here).await.is_ok() && world.who(&api).await.is_ok());
    assert_eq!(world.sign_in("ann@example.org", PASSWORD).await, Err(AccountError::Wrong));
    assert!(world.sign_in("ann@example.org", ANOTHER).await.is_ok());
    assert!(world.sign_in("bob@example.org", PASSWORD).await.is_ok());
    assert_eq!(world.change(&ann, ANOTHER, ANOTHER).await, Ok(()), "the same once more is allowed");
}

#[tokio::test]
async fn a_new_password_takes_the_current_one_and_guesses_are_throttled() {
    let world = world().await;
    let ann = world.who(&world.sign_up("ann@example.org").await.access_token).await.unwrap();
    let there = world.sign_in("ann@example.org", PASSWORD).await.unwrap().access_token;
    for _ in 0..10 {
        assert_eq!(world.change(&ann, "wrong", ANOTHER).await, Err(AccountError::Wrong));
    }
    assert_eq!(world.change(&ann, PASSWORD, ANOTHER).await, Err(AccountError::Throttled(60)));
    world.clock.advance(60_000);
    assert!(world.who(&there).await.is_ok() && world.sign_in("ann@example.org", PASSWORD).await.is_ok(), "nothing has changed");
}

#[tokio::test]
async fn a_new_password_by_an_api_token_ends_all_sign_ins_and_no_token() {
    let world = world().await;
    let token = world.sign_up("ann@example.org").await.access_token;
    let ann = world.who(&token).await.unwrap();
    let api = world.token(&ann, &["account"], None).await.unwrap().secret;
    let program = world.who(&api).await.unwrap();
    let mut ended = world.identity.ended();
    world.change(&program, PASSWORD, ANOTHER).await.unwrap();
    let ended = ended.recv().await.unwrap();
    assert!(ended.ends(&ann) && !ended.ends(&program));
    assert_eq!(world.who(&token).await, Err(Denied::Invalid));
    assert!(world.who(&api).await.is_ok());
}

#[tokio::test]
async fn of_two_new_passwords_at_once_one_finds_the_current_one_replaced() {
    let world = world().await;
    let ann = world.who(&world.sign_up("ann@example.org").await.access_token).await.unwrap();
    let (first, second) = tokio::join!(world.change(&ann, PASSWORD, ANOTHER), world.change(&ann, PASSWORD, "a third horse"));
    let (right, refused) = if first.is_ok() { (ANOTHER, second) } else { ("a third horse", first) };
    assert_eq!(refused, Err(AccountError::Wrong));
    assert!(world.sign_in("ann@example.org", right).await.is_ok());
}

#[tokio::test]
async fn a_sign_in_by_the_old_password_does_not_outlive_its_change() {
    let world = world().await;
    world.sign_up("ann@example.org").await;
    world.store.overtake_next_sign_in();
    assert_eq!(world.sign_in("ann@example.org", PASSWORD).await, Err(AccountError::Wrong));
}

#[tokio::test]
async fn an_api_token_has_its_scopes_its_expiry_and_its_end() {
    let world = world().await;
    let principal = world.who(&world.sign_up("ann@example.org").await.access_token).await.unwrap();
    let until = Timestamp::from_millis(START + 120_000).unwrap();
    let made = world.token(&principal, &["tasks:write", "tasks:write"], Some(until)).await.unwrap();
    assert!(made.secret.expose().starts_with("tdg_") && made.secret.expose().len() == 47);
    assert_eq!(made.info.scopes, ["tasks:write"]);

    let program = world.who(&made.secret).await.unwrap();
    assert_eq!(program.actor, Actor { kind: ActorKind::Token, id: made.info.id.to_string() });
    assert_eq!((&program.user, program.expires_at), (&principal.user, Some(until)));
    assert!(program.scopes.allow(Scope::TasksRead) && !program.scopes.allow(Scope::Account));
    let refused = Err(AccountError::Forbidden("account".into()));
    assert_eq!(world.identity.list_tokens(&program).await.map(|_| ()), refused);
    assert_eq!(world.token(&program, &[], None).await.map(|_| ()), refused);
    assert_eq!(world.identity.revoke_token(&program, made.info.id).await.map(|_| ()), refused);
    assert_eq!(world.identity.delete_account(&program, Secret::new(PASSWORD), PEER).await, refused);
    assert_eq!(world.change(&program, PASSWORD, ANOTHER).await, refused);

    world.clock.advance(120_000);
    assert_eq!(world.who(&made.secret).await, Err(Denied::Invalid));
    assert!(!world.identity.still_valid(&program).await.unwrap());
}

#[tokio::test]
async fn a_token_gives_no_more_than_it_has() {
    let world = world().await;
    let principal = world.who(&world.sign_up("ann@example.org").await.access_token).await.unwrap();
    let manager = world.token(&principal, &["account", "tasks:read"], None).await.unwrap();
    let manager = world.who(&manager.secret).await.unwrap();
    assert!(world.token(&manager, &["tasks:read", "account"], None).await.is_ok());
    assert_eq!(world.token(&manager, &["tasks:write"], None).await.err(), Some(AccountError::Forbidden("tasks:write".into())));
    assert_eq!(world.token(&manager, &["root"], None).await.err(), Some(AccountError::Forbidden("root".into())));
}

#[tokio::test]
async fn only_the_owner_revokes_and_a_revoked_token_is_nobody() {
    let world = world().await;
    let ann = world.who(&world.sign_up("ann@example.org").await.access_token).await.unwrap();
    let bob = world.who(&world.sign_up("bob@example.org").await.access_token).await.unwrap();
    let made = world.token(&ann, &["tasks:read"], None).await.unwrap();
    assert_eq!(world.identity.revoke_token(&bob, made.info.id).await, Ok(false));
    let program = world.who(&made.secret).await.unwrap();
    let mut ended = world.identity.ended();
    assert_eq!(world.identity.revoke_token(&ann, made.info.id).await, Ok(true));
    assert!(ended.recv().await.unwrap().ends(&program));
    assert_eq!(world.who(&made.secret).await, Err(Denied::Invalid));
    assert!(!world.identity.still_valid(&program).await.unwrap());
    assert_eq!(world.identity.revoke_token(&ann, made.info.id).await, Ok(false));
}

#[tokio::test]
async fn a_token_that_signs_out_is_revoked() {
    let world = world().await;
    let ann = world.who(&world.sign_up("ann@example.org").await.access_token).await.unwrap();
    let made = world.token(&ann, &["tasks:read"], None).await.unwrap();
    world.identity.sign_out(&world.who(&made.secret).await.unwrap()).await.unwrap();
    assert_eq!(world.who(&made.secret).await, Err(Denied::Invalid));
}

#[tokio::test]
async fn the_last_use_is_written_once_a_minute() {
    let world = world().await;
    let ann = world.who(&world.sign_up("ann@example.org").await.access_token).await.unwrap();
    let made = world.token(&ann, &["tasks:read"], None).await.unwrap();
    for _ in 0..5 {
        world.who(&made.secret).await.unwrap();
    }
    assert_eq!(world.store.touches(), 1);
    world.clock.advance(60_000);
    world.who(&made.secret).await.unwrap();
    assert_eq!(world.store.touches(), 2);
    let listed = world.identity.list_tokens(&ann).await.unwrap();
    assert_eq!(listed[0].last_used_at.unwrap().millis(), START + 60_000);
}

#[tokio::test]
async fn tokens_that_were_never_given_are_invalid() {
    let world = world().await;
    for token in ["tdg_", "tdg_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "abc", "a.b.c"] {
        assert_eq!(world.identity.authenticate(&with_bearer(token)).await, Err(Denied::Invalid), "{token}");
    }
    assert_eq!(world.identity.authenticate(&Credentials::default()).await, Err(Denied::Missing));
}

#[tokio::test]
async fn issuing_needs_an_account_and_lasts_as_long_as_asked() {
    let world = world().await;
    assert_eq!(world.identity.issue("ann@example.org", Duration::from_secs(60)).await, Ok(None));
    world.sign_up("ann@example.org").await;
    let issued = world.identity.issue("Ann@example.org", Duration::from_secs(60)).await.unwrap().unwrap();
    assert_eq!(issued.expires_in, 60);
    assert!(world.who(&issued.access_token).await.is_ok());
}

#[tokio::test]
async fn with_an_external_issuer_there_are_no_built_in_accounts() {
    let secret = "an external issuer's shared secret";
    let built_in = world().await;
    let ours = built_in.sign_up("ann@example.org").await.access_token;
    let world = world_with(|config| {
        let keys = IssuerKeys::Secret(Secret::new(secret));
        config.external = Some(ExternalIssuer { issuer: "issuer".into(), audience: "us".into(), keys });
    })
    .await;
    assert_eq!(world.sign_in("ann@example.org", PASSWORD).await, Err(AccountError::External));
    assert_eq!(world.identity.sign_up("a@example.org", Secret::new(PASSWORD), None).await, Err(AccountError::External));
    assert_eq!(world.identity.issue("a@example.org", Duration::from_secs(1)).await, Err(AccountError::External));
    assert_eq!(world.who(&ours).await, Err(Denied::Invalid), "our own key signs nobody in");

    let claims = serde_json::json!({"iss": "issuer", "aud": "us", "sub": "alice", "exp": START / 1000 + 60});
    let key = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes());
    let token = Secret::new(jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap());
    let alice = world.who(&token).await.unwrap();
    assert_eq!(world.identity.me(&alice).await.unwrap().id.as_str(), "alice");
    assert_eq!(world.identity.sign_out(&alice).await, Err(AccountError::External));
    assert_eq!(world.identity.delete_account(&alice, Secret::new(PASSWORD), PEER).await, Err(AccountError::External));
    assert_eq!(world.change(&alice, PASSWORD, ANOTHER).await, Err(AccountError::External));
    let program = world.token(&alice, &["tasks:read"], None).await.unwrap();
    assert_eq!(world.who(&program.secret).await.unwrap().user, alice.user);
    assert!(world.identity.still_valid(&alice).await.unwrap());
}

#[tokio::test]
async fn a_failing_store_is_unavailable_and_its_details_stay_inside() {
    let world = world().await;
    let token = world.sign_up("ann@example.org").await.access_token;
    let principal = world.who(&token).await.unwrap();
    world.store.set_broken(true);
    let Err(Denied::Unavailable(reason)) = world.who(&token).await else { panic!("it should be unavailable") };
    assert!(!reason.contains("secret details"));
    assert!(matches!(world.sign_in("ann@example.org", PASSWORD).await, Err(AccountError::Unavailable(_))));
    assert!(matches!(world.identity.me(&principal).await, Err(AccountError::Unavailable(_))));
    assert!(world.identity.still_valid(&principal).await.is_err());
    world.store.set_broken(false);
    assert!(world.who(&token).await.is_ok());
}

#[tokio::test]
async fn what_is_printed_shows_no_secret() {
    let world = world().await;
    let signed_in = world.sign_up("ann@example.org").await;
    let principal = world.who(&signed_in.access_token).await.unwrap();
    let made = world.token(&principal, &["tasks:read"], None).await.unwrap();
    let printed = format!("{signed_in:?} {principal:?} {made:?} {:?}", with_bearer(made.secret.expose()));
    for secret in [signed_in.access_token.expose(), made.secret.expose()] {
        assert!(!printed.contains(secret), "{printed}");
    }
}

#[tokio::test]
async fn nothing_is_begun_for_an_account_that_goes_meanwhile() {
    let world = world().await;
    let signed_in = world.sign_up("ann@example.org").await;
    let principal = world.who(&signed_in.access_token).await.unwrap();
    world.store.delete_account(&principal.user).await.unwrap();
    assert_eq!(world.token(&principal, &["tasks:read"], None).await.err(), Some(AccountError::Ended));
    assert!(world.store.tokens(&principal.user).await.unwrap().is_empty());
}
