//! What `initialize` begins: a conversation with an id, for the revisions that have them. Its state is in the memory, so that any replica
//! can go on with it; what the memory has forgotten begins again under the same id, for the same user.

use domain::digest::Digest;
use domain::ports::Memory;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Seconds after the last request that found it missing.
const KEPT: u32 = 3_600;

/// What is kept of one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversation {
    /// What the client calls itself. For people to read: nobody has checked it.
    pub client: Option<String>,
    /// The resources whose changes the client wants to hear of.
    #[serde(default)]
    pub follows: Vec<String>,
    /// The client has ended it.
    pub ended: bool,
}

fn key(id: &str) -> String {
    format!("conversation:{id}")
}

/// A new id, of which its user's own can be told from others.
pub fn id(of: Uuid, user: &str) -> String {
    format!("{of}-{}", seal(&of.to_string(), user))
}

/// Whether the id is one of this user's. Whoever makes one up has made it for himself.
pub fn is_of(id: &str, user: &str) -> bool {
    id.rsplit_once('-').is_some_and(|(of, sealed)| Uuid::try_parse(of).is_ok() && seal(of, user) == sealed)
}

fn seal(of: &str, user: &str) -> String {
    format!("{:016x}", Digest::default().with(of.as_bytes()).with(user.as_bytes()).finish())
}

/// A memory that is away keeps nothing, and that is all.
pub async fn keep<S>(session: &S, memory: &impl Memory<S>, id: &str, conversation: &Conversation) {
    if let Ok(bytes) = serde_json::to_vec(conversation) {
        _ = memory.set(session, &key(id), &bytes, KEPT).await;
    }
}

/// None: forgotten, or never begun by this user.
pub async fn recall<S>(session: &S, memory: &impl Memory<S>, id: &str) -> Option<Conversation> {
    let kept = memory.get(session, &key(id)).await.ok().flatten()?;
    serde_json::from_slice(&kept).ok()
}

/// The client needs it no more. False: it is not the user's.
pub async fn end<S>(session: &S, memory: &impl Memory<S>, id: &str, user: &str) -> bool {
    let is_own = is_of(id, user);
    if is_own {
        keep(session, memory, id, &Conversation { ended: true, ..Conversation::default() }).await;
    }
    is_own
}
