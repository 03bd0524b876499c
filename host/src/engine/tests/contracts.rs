//! `wit/` against the contracts that were released (`docs/wit/`): what was built against one of them keeps working on this host.
//!
//! wasmtime links `@0.1.0` to `@0.1.1` by name, and the types must then fit to the letter: what was there is there still, with the
//! same shape. Beside it there may be more. `docs/components.md` has the policy that this holds the repository to.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use wit_parser::{Function, FunctionKind, Handle, InterfaceId, Resolve, Stability, Type, TypeDefKind, TypeId, TypeOwner};

type Version = (u64, u64, u64);

/// The interfaces of the packages of ours in one state of `wit/`.
struct Contracts {
    /// By package, such as `tidings:ports`.
    versions: BTreeMap<String, Version>,
    /// Interfaces, types and functions, by name.
    items: BTreeMap<String, Item>,
}

#[derive(Debug)]
struct Item {
    /// As text that is the same where, and only where, a component cannot tell the difference.
    shape: String,
    since: Option<Version>,
    is_function: bool,
}

impl Contracts {
    fn read(folder: &Path) -> Self {
        let mut wit = Resolve::default();
        for package in ["ports", "app"] {
            wit.push_path(folder.join(package)).unwrap();
        }
        Self::of(&wit)
    }

    fn of(wit: &Resolve) -> Self {
        let (mut versions, mut items) = (BTreeMap::new(), BTreeMap::new());
        for (id, interface) in wit.interfaces.iter() {
            let package = &wit.packages[interface.package.unwrap()].name;
            let version = package.version.as_ref().expect("a package has a version");
            let version = (version.major, version.minor, version.patch);
            versions.insert(format!("{}:{}", package.namespace, package.name), version);
            let name = interface_name(wit, id);
            let of_all = marked(&interface.stability);
            let item = |shape: String, own: &Stability, is_function| Item { shape, since: marked(own).or(of_all), is_function };
            items.insert(name.clone(), item("interface".to_owned(), &interface.stability, false));
            for (kind, id) in &interface.types {
                items.insert(format!("{name}.{kind}"), item(definition(wit, *id), &wit.types[*id].stability, false));
            }
            for (function, it) in &interface.functions {
                items.insert(format!("{name}.{function}"), item(signature(wit, it), &it.stability, true));
            }
        }
        Self { versions, items }
    }
}

fn interface_name(wit: &Resolve, id: InterfaceId) -> String {
    let interface = &wit.interfaces[id];
    let package = &wit.packages[interface.package.unwrap()].name;
    format!("{}:{}/{}", package.namespace, package.name, interface.name.as_ref().expect("an interface has a name"))
}

/// Since when there is something, as far as it says so itself.
fn marked(stability: &Stability) -> Option<Version> {
    match stability {
        Stability::Stable { since, .. } => Some((since.major, since.minor, since.patch)),
        _ => None,
    }
}

fn signature(wit: &Resolve, function: &Function) -> String {
    let is_async =
        matches!(function.kind, FunctionKind::AsyncFreestanding | FunctionKind::AsyncMethod(_) | FunctionKind::AsyncStatic(_));
    let params = list(&function.params, |param| format!("{}: {}", param.name, name(wit, &param.ty)));
    let result = function.result.map(|ty| format!(" -> {}", name(wit, &ty))).unwrap_or_default();
    format!("{}func({params}){result}", if is_async { "async " } else { "" })
}

/// What a named type is. Other named types in it stand by their names, as each is compared itself.
fn definition(wit: &Resolve, id: TypeId) -> String {
    match &wit.types[id].kind {
        TypeDefKind::Record(it) => {
            format!("record {{ {} }}", list(&it.fields, |it| format!("{}: {}", it.name, name(wit, &it.ty))))
        }
        TypeDefKind::Variant(it) => {
            format!("variant {{ {} }}", list(&it.cases, |it| format!("{}({})", it.name, optional(wit, it.ty))))
        }
        TypeDefKind::Enum(it) => format!("enum {{ {} }}", list(&it.cases, |it| it.name.clone())),
        TypeDefKind::Flags(it) => format!("flags {{ {} }}", list(&it.flags, |it| it.name.clone())),
        TypeDefKind::Resource => "resource".to_owned(),
        TypeDefKind::Type(ty) => name(wit, ty),
        kind => anonymous(wit, kind),
    }
}

/// How a type is referred to; where it was only `use`d, the one that it is.
fn name(wit: &Resolve, ty: &Type) -> String {
    let Type::Id(id) = ty else { return format!("{ty:?}").to_lowercase() };
    let def = &wit.types[*id];
    match (&def.kind, &def.name, def.owner) {
        (TypeDefKind::Type(of @ Type::Id(_)), _, _) => name(wit, of),
        (_, Some(own), TypeOwner::Interface(interface)) => format!("{}.{own}", interface_name(wit, interface)),
        (kind, ..) => anonymous(wit, kind),
    }
}

fn anonymous(wit: &Resolve, kind: &TypeDefKind) -> String {
    match kind {
        TypeDefKind::Option(of) => format!("option<{}>", name(wit, of)),
        TypeDefKind::List(of) => format!("list<{}>", name(wit, of)),
        TypeDefKind::Result(of) => format!("result<{}, {}>", optional(wit, of.ok), optional(wit, of.err)),
        TypeDefKind::Tuple(of) => format!("tuple<{}>", list(&of.types, |ty| name(wit, ty))),
        TypeDefKind::Stream(of) => format!("stream<{}>", optional(wit, *of)),
        TypeDefKind::Future(of) => format!("future<{}>", optional(wit, *of)),
        TypeDefKind::Handle(Handle::Own(id)) => name(wit, &Type::Id(*id)),
        TypeDefKind::Handle(Handle::Borrow(id)) => format!("borrow<{}>", name(wit, &Type::Id(*id))),
        other => panic!("this check does not know a {}: teach it", other.as_str()),
    }
}

fn optional(wit: &Resolve, ty: Option<Type>) -> String {
    ty.map_or_else(|| "_".to_owned(), |ty| name(wit, &ty))
}

fn list<T>(items: &[T], text: impl Fn(&T) -> String) -> String {
    items.iter().map(text).collect::<Vec<_>>().join(", ")
}

/// What semantic versions and wasmtime take for compatible: the same major version, and before 1.0 the same minor version.
fn line((major, minor, _): Version) -> (u64, u64) {
    (major, if major == 0 { minor } else { 0 })
}

/// Why a component of then does not fit a host of now; nothing where it does, or where its line has ended.
fn faults(then: &Contracts, now: &Contracts) -> Vec<String> {
    let mut faults = Vec::new();
    let released = |item: &str| then.versions.get(item.split('/').next().unwrap()).copied();
    let goes_on = |item: &str| {
        let version = now.versions.get(item.split('/').next().unwrap()).copied();
        version.map(line) == released(item).map(line)
    };
    for (item, was) in then.items.iter().filter(|(item, _)| goes_on(item)) {
        match now.items.get(item) {
            None => faults.push(format!("{item} was released, and is gone: it stays until the line ends")),
            Some(is) if is.shape != was.shape => {
                faults.push(format!("{item} was released as `{}`, and is now `{}`: add another beside it", was.shape, is.shape));
            }
            Some(_) => {}
        }
    }
    for (item, is) in now.items.iter().filter(|(item, _)| goes_on(item) && !then.items.contains_key(*item)) {
        let (interface, _) = item.split_once('.').unwrap_or((item, ""));
        if is.is_function && item.starts_with("tidings:app/") && then.items.contains_key(interface) {
            faults.push(format!("{item} is new in what components export, and one of before lacks it: make a new interface"));
        }
        if is.since <= released(item) {
            faults.push(format!("{item} is new, and does not say since when: raise the version, and mark it with @since"));
        }
    }
    faults
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn a_component_of_any_release_of_this_line_fits_this_host() {
    let now = Contracts::read(&root().join("wit"));
    let mut compared = 0;
    for folder in std::fs::read_dir(root().join("docs/wit")).unwrap() {
        let folder = folder.unwrap().path();
        let then = Contracts::read(&folder);
        let named = folder.file_name().unwrap().to_str().unwrap();
        for (major, minor, patch) in then.versions.values() {
            assert_eq!(format!("{major}.{minor}.{patch}"), named, "the folder of a release is named by its version");
        }
        let faults = faults(&then, &now);
        assert!(faults.is_empty(), "against {named}:\n{}", faults.join("\n"));
        compared += 1;
    }
    assert!(compared > 0, "docs/wit has what was released");
}

const PORTS: &str = "package tidings:ports@0.1.0;
    @since(version = 0.1.0)
    interface words { type id = string; record task { id: id, title: string } enum kind { a, b } }
    @since(version = 0.1.0)
    interface ledger {
        use words.{id, task, kind};
        variant failure { gone, why(string) }
        resource session { get: async func(id: id, all: bool) -> result<option<task>, failure>; }
        count: func(kind: kind) -> u64;
    }";
const APP: &str = "package tidings:app@0.1.0;
    @since(version = 0.1.0)
    interface consumer { use tidings:ports/words@VERSION.{task}; handle: async func(task: task); }";

/// What becomes of a release when this is changed in both packages, in all their text.
fn changed(changes: &[(&str, &str)]) -> Vec<String> {
    let contracts = |changes: &[(&str, &str)]| {
        let mut texts = [PORTS.to_owned(), APP.to_owned()];
        for text in &mut texts {
            for (from, to) in changes {
                *text = text.replace(from, to);
            }
        }
        let version = &texts[0]["package tidings:ports@".len()..][..5];
        let mut wit = Resolve::default();
        wit.push_str("ports.wit", &texts[0]).unwrap();
        wit.push_str("app.wit", &texts[1].replace("VERSION", version)).unwrap();
        Contracts::of(&wit)
    };
    for (from, _) in changes {
        assert!(PORTS.contains(from) || APP.contains(from), "there is a {from:?} to change");
    }
    faults(&contracts(&[]), &contracts(changes))
}

#[test]
fn what_was_released_stays_as_it_was() {
    for (from, to, fault) in [
        ("count: func(kind: kind) -> u64;", "", "ledger.count was released, and is gone"),
        ("record task { id: id, title: string }", "record task { id: id }", "words.task was released as"),
        ("title: string }", "title: string, more: u32 }", "words.task was released as"),
        ("{ id: id, title: string }", "{ title: string, id: id }", "words.task was released as"),
        ("type id = string", "type id = u64", "words.id was released as"),
        ("enum kind { a, b }", "enum kind { a, b, c }", "words.kind was released as"),
        ("gone, why(string)", "gone, why", "ledger.failure was released as"),
        ("id: id, all: bool", "id: id, all: u8", "session.get was released as"),
        ("id: id, all: bool", "id: id, every: bool", "session.get was released as"),
        ("option<task>, failure", "task, failure", "session.get was released as"),
        ("get: async func", "get: func", "session.get was released as"),
        ("get: async func", "get: static async func", "[method]session.get was released, and is gone"),
        ("handle: async func(task: task)", "handle: async func()", "tidings:app/consumer.handle was released as"),
        ("interface consumer", "interface hearer", "tidings:app/consumer was released, and is gone"),
    ] {
        let faults = changed(&[(from, to)]);
        assert!(faults.iter().any(|found| found.contains(fault)), "{to:?}: {faults:#?}");
    }
}

#[test]
fn what_is_new_says_since_when() {
    let new = "@since(version = 0.1.1) sum: func() -> u64; count: func";
    let raised = ("@0.1.0;", "@0.1.1;");
    assert_eq!(changed(&[]), [""; 0]);
    assert_eq!(changed(&[raised]), [""; 0]);
    assert_eq!(changed(&[raised, ("count: func", new)]), [""; 0]);
    assert_eq!(changed(&[raised, ("type id", "@since(version = 0.1.1) type more = u8; type id")]), [""; 0]);
    for unmarked in ["sum: func() -> u64; count: func", "@since(version = 0.1.0) sum: func() -> u64; count: func"] {
        let faults = changed(&[raised, ("count: func", unmarked)]);
        assert!(matches!(&faults[..], [one] if one.contains("ledger.sum is new, and does not say since when")), "{faults:#?}");
    }
    let demand = "@since(version = 0.1.1) also: async func(); handle: async func";
    let faults = changed(&[raised, ("handle: async func", demand)]);
    assert!(matches!(&faults[..], [one] if one.contains("consumer.also is new in what components export")), "{faults:#?}");
}

#[test]
fn another_line_owes_nothing() {
    assert_eq!(changed(&[("@0.1.0;", "@0.2.0;"), ("count: func(kind: kind) -> u64;", "")]), [""; 0]);
}
