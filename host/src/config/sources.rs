//! Where options come from, and which source wins: flag, then variable, then file, then default.

use super::options::{OPTIONS, Opt, find};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// What was said, before anybody asked whether it makes sense.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// By key.
    pub flags: BTreeMap<String, String>,
    /// By name; the variables whose names begin with `TIDINGS_`, and those of a sidecar.
    pub variables: BTreeMap<String, String>,
    /// `--config`.
    pub file: Option<PathBuf>,
}

/// A value as text, and where it was said.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub text: String,
    pub at: String,
}

/// Everything that is wrong with the configuration, one line each.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Faults(pub Vec<String>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration has faults:")?;
        self.0.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

impl Sources {
    /// The flags given, and this process's environment. `file` falls back to `TIDINGS_CONFIG`.
    pub fn of_process(flags: BTreeMap<String, String>, file: Option<PathBuf>) -> Self {
        let text = |value: std::ffi::OsString| value.to_string_lossy().into_owned();
        let variables: BTreeMap<String, String> = std::env::vars_os()
            .map(|(name, value)| (text(name), text(value)))
            .filter(|(name, _)| name.starts_with("TIDINGS_") || OPTIONS.iter().any(|option| option.variable() == *name))
            .collect();
        let file = file.or_else(|| variables.get("TIDINGS_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from));
        Self { flags, variables, file }
    }

    /// Variables that look like options and are none: probably misspelt. What Kubernetes sets for a service of this name is not meant.
    pub fn unknown_variables(&self) -> Vec<&str> {
        let known = |name: &str| {
            name == "TIDINGS_CONFIG"
                || name.starts_with("TIDINGS_SERVICE_")
                || name.starts_with("TIDINGS_PORT")
                || OPTIONS.iter().any(|option| option.variable() == name)
        };
        self.variables.keys().map(String::as_str).filter(|name| !known(name)).collect()
    }

    /// The winning word on each option. An empty variable counts as not set.
    pub(super) fn merged(&self, faults: &mut Vec<String>) -> BTreeMap<&'static str, Said> {
        let mut said = match &self.file {
            Some(path) => read_file(path, faults),
            None => BTreeMap::new(),
        };
        for option in OPTIONS {
            if let Some(text) = self.variables.get(&option.variable()).filter(|text| !text.is_empty()) {
                said.insert(option.key, Said { text: text.clone(), at: option.variable() });
            }
            if let Some(text) = self.flags.get(option.key) {
                said.insert(option.key, Said { text: text.clone(), at: format!("--{}", option.flag()) });
            }
            if let (Some(text), false) = (option.default, said.contains_key(option.key)) {
                said.insert(option.key, Said { text: text.to_owned(), at: format!("the default of {}", option.key) });
            }
        }
        said
    }
}

fn read_file(path: &Path, faults: &mut Vec<String>) -> BTreeMap<&'static str, Said> {
    let mut said = BTreeMap::new();
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            faults.push(format!("{}: cannot be read: {error}", path.display()));
            return said;
        }
    };
    let table: toml::Table = match text.parse() {
        Ok(table) => table,
        Err(error) => {
            faults.push(format!("{}: no TOML: {}", path.display(), first_line(&error.to_string())));
            return said;
        }
    };
    for (key, value) in &table {
        let at = format!("{}: {key}", path.display());
        match (find(key), as_text(value)) {
            (Some(Opt { key, .. }), Some(text)) => {
                said.insert(*key, Said { text, at });
            }
            (Some(_), None) => faults.push(format!("{at}: takes one value, or a list of texts")),
            (None, _) => faults.push(format!("{at}: there is no such option{}", nearest(key))),
        }
    }
    said
}

/// The first line of a message that quotes the file: the rest could show a secret.
fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or(text)
}

fn as_text(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(yes) => Some(yes.to_string()),
        toml::Value::Array(values) => {
            let texts: Option<Vec<&str>> = values.iter().map(toml::Value::as_str).collect();
            texts.map(|texts| texts.join(","))
        }
        _ => None,
    }
}

/// What was probably meant by a misspelt key.
fn nearest(key: &str) -> String {
    let plain = |key: &str| key.replace(['_', '-'], "").to_lowercase();
    let meant = OPTIONS.iter().find(|option| plain(option.key) == plain(key));
    meant.map(|option| format!("; did you mean {}?", option.key)).unwrap_or_default()
}
