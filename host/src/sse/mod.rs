//! The stream of a user's changes (`GET /api/stream/tasks`): native, because it outlives every instance of a component.
//!
//! [`feed`] listens to the bus and hands each event to the [`hub`], which knows who listens; a [`reader`] turns what one
//! client is to see into bytes, and reads from the log what it missed; [`raw`] writes them to a bare connection.
//! Bus and hub carry speed, the log carries truth. What must not live here: what an event says.

pub mod feed;
pub mod frame;
pub mod hub;
pub mod raw;
pub mod reader;

pub use hub::{Hub, HubLimits};
pub use reader::{LastEventId, Reader};
