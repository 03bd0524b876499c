//! Values of options, from text.

use super::{BusKind, MemoryKind};
use std::net::SocketAddr;
use std::time::Duration;

/// `127.0.0.1:8080`, `[::]:0`.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("`{text}` is no address with a port, such as 127.0.0.1:8080"))
}

/// A whole number with a unit: `250ms`, `10s`, `5m`, `1h`, `30d`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let bad = || format!("`{text}` is no time, such as 250ms, 10s, 5m, 1h or 30d");
    let (number, unit) = split(text).ok_or_else(bad)?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(bad()),
    };
    number.checked_mul(millis).filter(|millis| *millis <= 100 * 365 * 86_400_000).map(Duration::from_millis).ok_or_else(bad)
}

/// `local`, `kafka`, `dapr`.
pub fn bus(text: &str) -> Result<BusKind, String> {
    match text {
        "local" => Ok(BusKind::Local),
        "kafka" => Ok(BusKind::Kafka),
        "dapr" => Ok(BusKind::Dapr),
        other => Err(format!("`{other}` is none of local, kafka, dapr")),
    }
}

/// `local`, `dapr`.
pub fn memory(text: &str) -> Result<MemoryKind, String> {
    match text {
        "local" => Ok(MemoryKind::Local),
        "dapr" => Ok(MemoryKind::Dapr),
        other => Err(format!("`{other}` is none of local, dapr")),
    }
}

/// A port that something listens on.
pub fn port(text: &str) -> Result<u16, String> {
    text.parse().ok().filter(|port| *port > 0).ok_or_else(|| format!("`{text}` is no port, such as 3500"))
}

/// `on`, `off`.
pub fn switch(text: &str) -> Result<bool, String> {
    match text {
        "on" | "true" => Ok(true),
        "off" | "false" => Ok(false),
        other => Err(format!("`{other}` is none of on, off")),
    }
}

/// A whole number from 1.
pub fn count(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| format!("`{text}` is no number from 1"))
}

fn split(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    Some((number.parse().ok()?, unit.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_need_a_unit_they_know() {
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("30d"), Ok(Duration::from_secs(2_592_000)));
        for bad in ["", "s", "10", "-1s", "1.5h", "10 weeks", "99999999999999999999s", "18446744073709551615d", "1d1"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
        assert!(count("0").is_err() && count("x").is_err() && count("7") == Ok(7));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".*") {
            let _ = (duration(&text), count(&text), address(&text));
        }
    }
}
