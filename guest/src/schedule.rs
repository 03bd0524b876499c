//! The export `schedule`: one async function acts at moments.

use crate::bindings::ports::types;
use domain::ports::Failure;
use domain::time::Timestamp;

/// Hands a moment to a component's function.
#[doc(hidden)]
pub async fn hand(
    now: i64,
    act: impl AsyncFnOnce(Timestamp) -> Result<Option<Timestamp>, Failure>,
) -> Result<Option<i64>, types::Failure> {
    let now = Timestamp::from_millis(now).map_err(|bad| types::Failure::Invalid(bad.to_string()))?;
    Ok(act(now).await?.map(Timestamp::millis))
}

/// Makes `async fn(Timestamp) -> Result<Option<Timestamp>, Failure>` the component's `schedule`: what is due is done, and the
/// answer is when the next thing is.
#[macro_export]
macro_rules! schedule {
    ($act:path) => {
        const _: () = {
            struct Component;
            impl $crate::bindings::scheduled::Guest for Component {
                async fn tick(now: i64) -> Result<Option<i64>, $crate::bindings::ports::types::Failure> {
                    $crate::schedule::hand(now, $act).await
                }
            }
    $crate::bindings::scheduled::export_scheduled!(Component with_types_in $crate::bindings::scheduled);
        };
    };
}
