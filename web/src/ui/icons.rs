//! Small pictures, each one path in a square of 24.

use crate::dom::{El, path, svg};

pub const TODAY: &str =
    "M6.5 4.5h11a3 3 0 0 1 3 3v10a3 3 0 0 1-3 3h-11a3 3 0 0 1-3-3v-10a3 3 0 0 1 3-3zM3.5 9.5h17M8 2.5v4M16 2.5v4M9 15l2 2 4-4";
pub const UPCOMING: &str = "M6.5 4.5h11a3 3 0 0 1 3 3v10a3 3 0 0 1-3 3h-11a3 3 0 0 1-3-3v-10a3 3 0 0 1 3-3zM3.5 9.5h17M8 2.5v4M16 2.5v4M10 13l3 2.5-3 2.5";
pub const CALENDAR: &str =
    "M6.5 4.5h11a3 3 0 0 1 3 3v10a3 3 0 0 1-3 3h-11a3 3 0 0 1-3-3v-10a3 3 0 0 1 3-3zM3.5 9.5h17M8 2.5v4M16 2.5v4";
pub const ALL: &str = "M9 6h11M9 12h11M9 18h11M4.5 6h.01M4.5 12h.01M4.5 18h.01";
pub const COMPLETED: &str = "M3 12a9 9 0 1 0 18 0a9 9 0 1 0-18 0M8 12.5l2.8 2.8L16 9.5";
pub const TAG: &str = "M9.5 4L7.5 20M16.5 4l-2 16M4.5 9h16M3.5 15h16";
pub const STATISTICS: &str = "M5 20v-7M12 20V5M19 20v-10";
pub const SETTINGS: &str =
    "M4 7h9M18 7h2M4 17h2M11 17h9M13 7a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0-5 0M6 17a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0-5 0";
pub const KEYBOARD: &str = "M5 6h14a2.5 2.5 0 0 1 2.5 2.5v7A2.5 2.5 0 0 1 19 18H5a2.5 2.5 0 0 1-2.5-2.5v-7A2.5 2.5 0 0 1 5 6zM6.5 10h.01M10 10h.01M14 10h.01M17.5 10h.01M8 14h8";
pub const SIGN_OUT: &str = "M14 4H6.5A1.5 1.5 0 0 0 5 5.5v13A1.5 1.5 0 0 0 6.5 20H14M10.5 12H21M17.5 8.5L21 12l-3.5 3.5";
pub const MENU: &str = "M4 7h16M4 12h16M4 17h16";
pub const BELL: &str = "M6 10a6 6 0 0 1 12 0c0 5 2 6.5 2 6.5H4S6 15 6 10zM10 20a2.2 2.2 0 0 0 4 0";
pub const PLUS: &str = "M12 5v14M5 12h14";
pub const SEARCH: &str = "M4 10.5a6.5 6.5 0 1 0 13 0a6.5 6.5 0 1 0-13 0M15.5 15.5L20.5 20.5";
pub const SELECT: &str = "M5 3.5h4A1.5 1.5 0 0 1 10.5 5v4A1.5 1.5 0 0 1 9 10.5H5A1.5 1.5 0 0 1 3.5 9V5A1.5 1.5 0 0 1 5 3.5zM14 7h7M14 17h7M4 17l2.2 2.2L10.5 15";
pub const LATE: &str = "M4 13a8 8 0 1 0 16 0a8 8 0 1 0-16 0M12 8.5V13M12 16.5h.01M4 4.5L6.5 3M20 4.5L17.5 3";
pub const REPEAT: &str = "M4 11a6 6 0 0 1 6-6h9M16 2l3 3-3 3M20 13a6 6 0 0 1-6 6H5M8 22l-3-3 3-3";
pub const FLAG: &str = "M5.5 21V4.5M5.5 4.5c4-2 8 2 13 0v9c-5 2-9-2-13 0";
pub const WAITING: &str = "M7 18a4.5 4.5 0 0 1-.5-9A6 6 0 0 1 18 10.5a3.8 3.8 0 0 1 .5 7.5M12 20v-7M9.5 15.5L12 13l2.5 2.5";
pub const EDIT: &str = "M4 20l1-4.5L16 4.5a2.1 2.1 0 0 1 3.5 3.5L8.5 19 4 20zM14 6.5L17.5 10";
pub const SNOOZE: &str = "M3.5 12a8.5 8.5 0 1 0 17 0a8.5 8.5 0 1 0-17 0M12 7v5l3.5 2";
pub const DELETE: &str = "M4.5 6.5h15M9.5 6.5V4h5v2.5M6.5 6.5l1 13.5h9l1-13.5M10.5 11v5M13.5 11v5";
pub const CHECK: &str = "M5 12.5l4.5 4.5L19 7.5";
pub const CLOSE: &str = "M6 6l12 12M18 6L6 18";
pub const WARNING: &str = "M12 4L2.5 20h19L12 4zM12 10v5M12 17.5h.01";
pub const SUN: &str = "M8 12a4 4 0 1 0 8 0a4 4 0 1 0-8 0M12 3v1.5M12 19.5V21M3 12h1.5M19.5 12H21M5.6 5.6l1.1 1.1M17.3 17.3l1.1 1.1M5.6 18.4l1.1-1.1M17.3 6.7l1.1-1.1";
const MARK: &str = "M7 2.5h10A4.5 4.5 0 0 1 21.5 7v7a4.5 4.5 0 0 1-4.5 4.5h-4.5L7.5 22.5V18.5H7A4.5 4.5 0 0 1 2.5 14V7A4.5 4.5 0 0 1 7 2.5zM16.6 7.2l-5.7 5.7-2.9-2.9-1.5 1.5 4.4 4.4 7.2-7.2z";

/// A picture that says nothing of its own.
pub fn icon(shape: &'static str) -> El {
    picture("icon", shape)
}

/// A picture where there is nothing else.
pub fn art(shape: &'static str) -> El {
    picture("art", shape)
}

fn picture(class: &'static str, shape: &'static str) -> El {
    svg().attr("class", class).attr("viewBox", "0 0 24 24").attr("aria-hidden", "true").child(path().attr("d", shape))
}

/// The mark of Tidings.
pub fn mark() -> El {
    let path = path().attr("fill-rule", "evenodd").attr("d", MARK);
    svg().attr("viewBox", "0 0 24 24").attr("aria-hidden", "true").attr("fill", "currentColor").child(path)
}
