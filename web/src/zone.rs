//! Time zones, as the browser knows them.

use board::days::Zone;
use domain::recurrence::Offsets;
use domain::time::Timestamp;
use js_sys::{Function, Intl, Object, Reflect};
use send_wrapper::SendWrapper;
use std::cell::RefCell;
use std::collections::HashMap;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = Intl, js_name = DateTimeFormat)]
    type Format;
    /// js-sys has it without `catch`: a zone that the browser does not know would end the page.
    #[wasm_bindgen(constructor, catch, js_namespace = Intl, js_class = "DateTimeFormat")]
    fn new(locale: &str, options: &Object) -> Result<Format, JsValue>;
    #[wasm_bindgen(method, getter, js_class = "Intl.DateTimeFormat")]
    fn format(this: &Format) -> Function;
}

/// A week, in milliseconds: no zone's clocks change and change back within one.
const WEEK: i64 = 7 * 86_400_000;
/// Weeks that are kept: more than a life has.
const KEPT: usize = 8_192;

/// A zone, and what the browser has said of it.
struct Known {
    name: String,
    /// Says "11/26/2026, GMT+01:00"; none: the browser does not know the zone.
    format: SendWrapper<Option<Function>>,
    /// The offsets at the beginning of weeks, in seconds.
    weeks: SendWrapper<RefCell<HashMap<i64, i32>>>,
}

/// The zone of this name; UTC where the browser does not know it.
pub fn named(name: &str) -> &'static dyn Zone {
    thread_local! {
        static ZONES: RefCell<Vec<&'static Known>> = const { RefCell::new(Vec::new()) };
    }
    ZONES.with_borrow_mut(|zones| {
        if let Some(known) = zones.iter().find(|known| known.name == name) {
            return *known;
        }
        // A zone is chosen a few times in a page's life, and lives as long as the page.
        let known: &'static Known = Box::leak(Box::new(Known {
            name: name.to_owned(),
            // What makes formats is slow to wake up in a browser, and UTC has no offset.
            format: SendWrapper::new(if name == "UTC" { None } else { format(name).ok() }),
            weeks: SendWrapper::new(RefCell::default()),
        }));
        zones.push(known);
        known
    })
}

/// The name of the browser's own zone.
pub fn of_browser() -> Option<String> {
    let options = Intl::DateTimeFormat::default().resolved_options();
    Reflect::get(&options, &"timeZone".into()).ok().and_then(|zone| zone.as_string())
}

fn format(name: &str) -> Result<Function, JsValue> {
    let options = Object::new();
    Reflect::set(&options, &"timeZone".into(), &name.into())?;
    Reflect::set(&options, &"timeZoneName".into(), &"longOffset".into())?;
    Ok(Format::new("en", &options)?.format())
}

impl Known {
    /// What the browser says.
    fn asked(&self, millis: i64) -> i32 {
        #[allow(clippy::cast_precision_loss, reason = "as far as there are years, milliseconds are whole")]
        let at = JsValue::from_f64(millis as f64);
        let said = self.format.as_ref().and_then(|format| format.call1(&JsValue::UNDEFINED, &at).ok());
        said.and_then(|said| said.as_string()).map_or(0, |said| board::days::offset(&said))
    }

    fn at_week(&self, week: i64) -> i32 {
        if let Some(seconds) = self.weeks.borrow().get(&week) {
            return *seconds;
        }
        let seconds = self.asked(week * WEEK);
        let mut weeks = self.weeks.borrow_mut();
        if weeks.len() >= KEPT {
            weeks.clear();
        }
        weeks.insert(week, seconds);
        seconds
    }
}

impl Offsets for Known {
    /// Ten thousand tasks are asked for at one time: the browser is asked itself only in weeks in which the clocks change.
    fn seconds(&self, at: Timestamp) -> i32 {
        let week = at.millis().div_euclid(WEEK);
        let (before, after) = (self.at_week(week), self.at_week(week + 1));
        if before == after { before } else { self.asked(at.millis()) }
    }
}

impl Zone for Known {
    fn name(&self) -> &str {
        &self.name
    }
}
