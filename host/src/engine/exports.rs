//! What a component offers its host, held against what its manifest says of it.

use super::manifest::ComponentSpec;
use wasmtime::component::Component;

const HTTP: &str = "wasi:http/handler@0.3.0";
const EVENTS: &str = "tidings:app/event-consumer@0.1.0";
const SCHEDULE: &str = "tidings:app/schedule@0.1.0";

/// Which of the host's calls a component takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Exports {
    pub http: bool,
    pub events: bool,
    pub schedule: bool,
}

impl Exports {
    /// By wasmtime's own look-up, as the calls themselves: another version of the same line is found, too.
    pub fn of(component: &Component) -> Self {
        let found = |name: &str| component.get_export_index(None, name).is_some();
        Self { http: found(HTTP), events: found(EVENTS), schedule: found(SCHEDULE) }
    }

    /// Everything that does not fit, one line each.
    pub fn faults(self, name: &str, spec: &ComponentSpec) -> Vec<String> {
        let mut faults = Vec::new();
        if spec.has_route && !self.http {
            faults.push(format!("component {name:?} has a route, but does not export {HTTP}: remove the route, or export it"));
        }
        match (&spec.subscription, self.events) {
            (Some(_), false) => faults.push(format!(
                "component {name:?} has a group and topics, but does not export {EVENTS}: remove them, or export it"
            )),
            (None, true) => faults.push(format!(
                "component {name:?} exports {EVENTS}, but nothing says what it hears: add a group and topics in spin.toml"
            )),
            _ => {}
        }
        if self == Self::default() {
            faults.push(format!("component {name:?} is good for nothing: it exports none of {HTTP}, {EVENTS}, {SCHEDULE}"));
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::super::manifest::Manifest;
    use super::*;

    fn spec(settings: &str, has_route: bool) -> ComponentSpec {
        let route = if has_route { "[[trigger.http]]\nroute = '/a'\ncomponent = 'a'\n" } else { "" };
        let text = format!(
            "spin_manifest_version = 2\n{route}[component.a]\nsource = 'a.wasm'\n[component.a.tool.tidings]\nports = []\n{settings}"
        );
        Manifest::parse(&text).unwrap().components["a"].clone()
    }

    /// A component that exports an empty instance by this name, and nothing else (component-model/design/mvp/Binary.md).
    fn exporting(name: &str) -> Component {
        let length = u8::try_from(name.len()).unwrap();
        let mut wasm = b"\0asm\x0d\0\x01\0".to_vec();
        wasm.extend([5, 3, 1, 1, 0]);
        wasm.extend([11, length + 6, 1, 0, length]);
        wasm.extend(name.as_bytes());
        wasm.extend([5, 0, 0]);
        Component::new(&super::super::runtime::compiler().unwrap(), wasm).unwrap()
    }

    #[test]
    fn another_version_of_the_same_line_is_the_same_export() {
        for (name, found) in [
            ("tidings:app/event-consumer@0.1.0", true),
            ("tidings:app/event-consumer@0.1.7", true),
            ("tidings:app/event-consumer@0.2.0", false),
            ("tidings:app/event-consumer", false),
        ] {
            assert_eq!(Exports::of(&exporting(name)), Exports { events: found, ..Exports::default() }, "{name}");
        }
        assert!(Exports::of(&exporting("tidings:app/schedule@0.1.1")).schedule);
        assert!(Exports::of(&exporting("wasi:http/handler@0.3.1")).http);
    }

    #[test]
    fn what_is_said_and_what_is_offered_must_agree() {
        let (silent, hearing) = ("", "group = 'g'\ntopics = ['task-events']");
        let http = Exports { http: true, ..Exports::default() };
        let events = Exports { events: true, ..Exports::default() };
        let schedule = Exports { schedule: true, ..Exports::default() };
        for (exports, settings, has_route, expected) in [
            (http, silent, true, None),
            (http, silent, false, None),
            (events, hearing, false, None),
            (schedule, silent, false, None),
            (schedule, silent, true, Some("has a route")),
            (events, silent, false, Some("nothing says what it hears")),
            (http, hearing, true, Some("does not export tidings:app/event-consumer")),
            (Exports::default(), silent, false, Some("good for nothing")),
        ] {
            let faults = exports.faults("a", &spec(settings, has_route));
            assert_eq!(faults.len(), usize::from(expected.is_some()), "{faults:?}");
            assert!(expected.is_none_or(|expected| faults[0].contains(expected)), "{faults:?}");
        }
        assert_eq!(Exports::default().faults("a", &spec(hearing, true)).len(), 3, "all of them at once");
    }
}
