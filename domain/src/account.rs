//! What a session may do.

use crate::task::names;

/// A right that a session carries and an API token can be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    TasksRead,
    TasksWrite,
    Account,
}

names!(Scope, "a scope", TasksRead = "tasks:read", TasksWrite = "tasks:write", Account = "account");

impl Scope {
    /// Whether who holds this scope may do what needs the other: writing implies reading.
    pub fn implies(self, needed: Self) -> bool {
        self == needed || (self == Self::TasksWrite && needed == Self::TasksRead)
    }
}
