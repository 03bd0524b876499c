//! Accounts, on a database of each test's own.

use super::*;
use crate::session::Session;
use crate::store;
use crate::tests::within;
use domain::change::Source;
use domain::contract::{at, creation, task};
use domain::ports::{Session as _, UnitOfWork};

const PASSWORD: &str = "correct horse";

fn by(token: &str) -> Credentials {
    let authorization = vec![format!("Bearer {token}")];
    Credentials { method: "GET".to_owned(), authorization, ..Credentials::default() }
}

async fn who(token: &str) -> Result<Principal, Denied> {
    authenticate(&by(token)).await
}

async fn ada() -> (SignedIn, Principal) {
    let signed_in = sign_up("Ada@Example.org", PASSWORD, Some("Ada".to_owned())).await.unwrap();
    let principal = who(&signed_in.access_token).await.unwrap();
    (signed_in, principal)
}

#[test]
fn an_address_has_one_account_whatever_its_case() {
    within(async {
        let (signed_in, principal) = ada().await;
        assert_eq!(signed_in.user.email, "ada@example.org");
        assert_eq!(me(&principal).await.unwrap(), signed_in.user);
        assert_eq!(sign_up("ADA@example.org", "another one", None).await.unwrap_err(), AccountError::Taken);
        let again = sign_in("aDA@example.org", PASSWORD).await.unwrap();
        assert_eq!(who(&again.access_token).await.unwrap().user, principal.user);
        assert_ne!(again.access_token, signed_in.access_token);
    });
}

#[test]
fn an_unknown_address_and_a_wrong_password_are_one_answer() {
    within(async {
        ada().await;
        assert_eq!(sign_in("ada@example.org", "wrong horse").await.unwrap_err(), AccountError::Wrong);
        assert_eq!(sign_in("bob@example.org", PASSWORD).await.unwrap_err(), AccountError::Wrong);
    });
}

#[test]
fn the_eleventh_failure_within_a_minute_waits_and_others_do_not() {
    within(async {
        ada().await;
        sign_up("bob@example.org", PASSWORD, None).await.unwrap();
        for _ in 0..10 {
            assert_eq!(sign_in("ada@example.org", "wrong").await.unwrap_err(), AccountError::Wrong);
        }
        assert_eq!(sign_in("ada@example.org", PASSWORD).await.unwrap_err(), AccountError::Throttled(60));
        assert!(sign_in("bob@example.org", PASSWORD).await.is_ok());
        clock::NOW.set(at(1));
        assert!(sign_in("ada@example.org", PASSWORD).await.is_ok());
    });
}

#[test]
fn a_sign_in_ends_by_sign_out_and_by_time() {
    within(async {
        let (signed_in, principal) = ada().await;
        let other = sign_in("ada@example.org", PASSWORD).await.unwrap();
        sign_out(&principal).await.unwrap();
        assert_eq!(who(&signed_in.access_token).await, Err(Denied::Invalid));
        assert!(who(&other.access_token).await.is_ok());
        clock::NOW.set(at(30 * 24 * 60));
        assert_eq!(who(&other.access_token).await, Err(Denied::Invalid));
        assert_eq!(who("tds_nobody").await, Err(Denied::Invalid));
        assert_eq!(who("tdg_nobody").await, Err(Denied::Invalid));
    });
}

#[test]
fn an_api_token_has_its_scopes_and_no_others() {
    within(async {
        let (_, principal) = ada().await;
        let read = ["tasks:read".to_owned()];
        let (token, secret) = create_token(&principal, "phone", &read, Some(at(5))).await.unwrap();
        let phone = who(&secret).await.unwrap();
        assert_eq!((phone.origin, phone.user.clone()), (Origin::Token(token.id), principal.user.clone()));
        assert!(phone.allows(Scope::TasksRead) && !phone.allows(Scope::TasksWrite) && !phone.allows(Scope::Account));
        assert_eq!(list_tokens(&phone).await.unwrap_err(), AccountError::Forbidden("account".to_owned()));
        assert_eq!(list_tokens(&principal).await.unwrap()[0].last_used_at, Some(at(0)));
        let refused = Session::new(phone).begin(Source::Api).await.unwrap_err();
        assert_eq!(refused, domain::ports::Failure::Forbidden("tasks:write".to_owned()));
        clock::NOW.set(at(5));
        assert_eq!(who(&secret).await, Err(Denied::Invalid), "expired");
        let account = create_token(&principal, "bot", &["account".to_owned()], None).await.unwrap();
        let bot = who(&account.1).await.unwrap();
        assert_eq!(create_token(&bot, "more", &read, None).await.unwrap_err(), AccountError::Forbidden("tasks:read".to_owned()));
        assert!(revoke_token(&principal, account.0.id).await.unwrap());
        assert!(!revoke_token(&principal, account.0.id).await.unwrap());
        assert_eq!(who(&account.1).await, Err(Denied::Invalid), "revoked");
    });
}

#[test]
fn a_new_password_ends_the_other_sign_ins() {
    within(async {
        let (signed_in, principal) = ada().await;
        let other = sign_in("ada@example.org", PASSWORD).await.unwrap();
        assert_eq!(change_password(&principal, "wrong", "new horse").await.unwrap_err(), AccountError::Wrong);
        change_password(&principal, PASSWORD, "new horse").await.unwrap();
        assert!(who(&signed_in.access_token).await.is_ok());
        assert_eq!(who(&other.access_token).await, Err(Denied::Invalid));
        assert_eq!(sign_in("ada@example.org", PASSWORD).await.unwrap_err(), AccountError::Wrong);
        assert!(sign_in("ada@example.org", "new horse").await.is_ok());
    });
}

#[test]
fn an_account_goes_with_all_that_is_its_users() {
    within(async {
        let (signed_in, principal) = ada().await;
        let session = Session::new(principal.clone());
        let mut work = session.begin(Source::Api).await.unwrap();
        work.put(creation(task("one"))).unwrap();
        work.commit().await.unwrap();
        let (_, secret) = create_token(&principal, "phone", &["tasks:read".to_owned()], None).await.unwrap();
        assert_eq!(delete_account(&principal, "wrong").await.unwrap_err(), AccountError::Wrong);
        delete_account(&principal, PASSWORD).await.unwrap();
        for token in [&signed_in.access_token, &secret] {
            assert_eq!(who(token).await, Err(Denied::Invalid));
        }
        assert!(session.history(None, None, 10).await.unwrap().is_empty());
        assert!(session.list(&domain::query::TaskQuery::everything(at(0), 10)).await.unwrap().is_empty());
        assert!(store::log::after(&principal.user, 0, 10).await.unwrap().is_empty());
        assert!(sign_up("ada@example.org", PASSWORD, None).await.is_ok(), "the address is free");
    });
}
