//! What a process does, where not every process does everything: `--roles api,sse`, and who does the rest.
//!
//! | role | its app | components | of the host itself |
//! |---|---|---|---|
//! | api | backend-api | those that name no role, their schedules and consumers too | the relay; it hands on what other roles answer |
//! | notifications | notification-svc | those of this role | |
//! | sse | sse-gateway | those of this role | the stream |
//! | mcp | mcp-server | those of this role | |
//! | web | frontend | those of this role | the first page |

use std::collections::BTreeSet;
use std::fmt;

/// A part of the work, which is done together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    #[default]
    Api,
    Notifications,
    Sse,
    Mcp,
    Web,
}

impl Role {
    pub const ALL: [Self; 5] = [Self::Api, Self::Notifications, Self::Sse, Self::Mcp, Self::Web];

    /// As `--roles` has it, and a component's `role` in the manifest.
    pub fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Notifications => "notifications",
            Self::Sse => "sse",
            Self::Mcp => "mcp",
            Self::Web => "web",
        }
    }

    /// The Dapr app that has it where it is elsewhere: `dapr/config.yaml` says who may call whom.
    pub fn app(self) -> &'static str {
        match self {
            Self::Api => "backend-api",
            Self::Notifications => "notification-svc",
            Self::Sse => "sse-gateway",
            Self::Mcp => "mcp-server",
            Self::Web => "frontend",
        }
    }

    /// By its name.
    pub fn parse(name: &str) -> Result<Self, String> {
        let role = Self::ALL.into_iter().find(|role| role.name() == name);
        role.ok_or_else(|| format!("`{name}` is no role; known are {}", Self::ALL.map(Self::name).join(", ")))
    }
}

/// The roles of one process; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roles(BTreeSet<Role>);

impl Roles {
    /// `all`, or names with commas between them.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.trim() == "all" {
            return Ok(Self::default());
        }
        text.split(',').map(|name| Role::parse(name.trim())).collect::<Result<_, _>>().map(Self)
    }

    pub fn has(&self, role: Role) -> bool {
        self.0.contains(&role)
    }

    /// Whether this process does everything.
    pub fn all(&self) -> bool {
        self.0.len() == Role::ALL.len()
    }
}

impl Default for Roles {
    fn default() -> Self {
        Self(Role::ALL.into())
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.iter().map(|role| role.name()).collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_named_and_every_other_name_is_refused() {
        let some = Roles::parse("sse, api").unwrap();
        assert!(some.has(Role::Api) && some.has(Role::Sse) && !some.has(Role::Mcp) && !some.all());
        assert_eq!(some.to_string(), "api,sse");
        assert!(Roles::parse("all").unwrap().all() && Roles::parse("api,notifications,sse,mcp,web").unwrap().all());
        for wrong in ["", "api,", "everything", "API"] {
            assert!(Roles::parse(wrong).unwrap_err().contains("known are api, notifications"), "{wrong}");
        }
    }

    #[test]
    fn the_apps_are_those_of_the_files_of_dapr() {
        let files =
            [include_str!("../../dapr/resiliency.yaml"), include_str!("../../dapr/components/pubsub-redpanda.yaml")].concat();
        for role in Role::ALL {
            assert!(files.contains(role.app()), "{}", role.app());
        }
    }
}
