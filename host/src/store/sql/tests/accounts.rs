//! Accounts: what a new password ends, and what it leaves.

use super::{Fixture, at, user};
use crate::store::{Account, Accounts, SignIn};
use domain::id::UserId;
use uuid::Uuid;

#[tokio::test]
async fn a_new_password_ends_its_users_sign_ins_but_one_and_only_where_the_old_one_stands() {
    let fixture = Fixture::new().await;
    let (store, ada, bob) = (fixture.store.as_ref(), user("ada"), user("bob"));
    for id in [&ada, &bob] {
        let (email, password_hash) = (format!("{id}@example.org"), "old".to_owned());
        let account = Account { id: id.clone(), email, name: None, password_hash, created_at: at(0) };
        store.create_account(&account).await.unwrap();
    }
    let sign_in = async |user: &UserId| {
        let id = Uuid::now_v7();
        store.create_sign_in(&SignIn { id, user: user.clone(), created_at: at(0), expires_at: at(9) }).await.unwrap();
        id
    };
    let all = [sign_in(&ada).await, sign_in(&ada).await, sign_in(&bob).await];
    let now = async || {
        let mut stand = Vec::new();
        for id in all {
            stand.push(store.sign_in(id).await.unwrap().is_some());
        }
        let hash = async |user: &UserId| store.account(user).await.unwrap().unwrap().password_hash;
        (hash(&ada).await, hash(&bob).await, stand)
    };
    let expected = |ada: &str, stand: [bool; 3]| (ada.to_owned(), "old".to_owned(), stand.to_vec());

    assert!(!store.change_password(&ada, "another", "new", Some(all[0])).await.unwrap());
    assert!(!store.change_password(&user("nobody"), "old", "new", None).await.unwrap());
    assert_eq!(now().await, expected("old", [true, true, true]));
    assert!(store.change_password(&ada, "old", "new", Some(all[0])).await.unwrap());
    assert_eq!(now().await, expected("new", [true, false, true]));
    assert!(!store.change_password(&ada, "old", "newer", None).await.unwrap());
    assert_eq!(now().await, expected("new", [true, false, true]));
    assert!(store.change_password(&ada, "new", "newer", None).await.unwrap());
    assert_eq!(now().await, expected("newer", [false, false, true]));
}
