//! What a function answers, and why it refuses.

/// A `cudnnStatus_t`, with the numbers of version 9.
pub(super) type Status = i32;
pub(super) const SUCCESS: Status = 0;
pub(super) const BAD_PARAM: Status = 2000;
pub(super) const NOT_SUPPORTED: Status = 3000;
/// One of the statuses that say more than the one above.
pub(super) const NOT_SUPPORTED_SHAPE: Status = 3002;
pub(super) const EXECUTION_FAILED: Status = 5000;

/// Why a call is refused.
#[derive(Debug)]
pub(super) struct Refusal {
    status: Status,
    why: String,
}

pub(super) type Outcome<T = ()> = Result<T, Refusal>;

/// A call with parameters that are wrong, or do not fit each other.
pub(super) fn bad<T>(why: String) -> Outcome<T> {
    Err(Refusal { status: BAD_PARAM, why })
}

/// A call that the library or this card does not know.
pub(super) fn unsupported<T>(why: String) -> Outcome<T> {
    Err(Refusal { status: NOT_SUPPORTED, why })
}

/// A call for sizes that the library or this card does not know.
pub(super) fn unsupported_shape<T>(why: String) -> Outcome<T> {
    Err(Refusal { status: NOT_SUPPORTED_SHAPE, why })
}

/// A call that failed on the card.
pub(super) fn failed<T>(why: String) -> Outcome<T> {
    Err(Refusal { status: EXECUTION_FAILED, why })
}

/// The status of a function, which says why it refuses.
pub(super) fn finish(name: &str, outcome: Outcome) -> Status {
    match outcome {
        Ok(()) => SUCCESS,
        Err(Refusal { status, why }) => {
            eprintln!("card: {name}: {why}");
            status
        }
    }
}

/// Writes a value for the caller.
///
/// # Safety
///
/// `to` is null or points to room for the value.
pub(super) unsafe fn give<T>(to: *mut T, value: T) -> Outcome {
    if to.is_null() {
        return bad("a null pointer where the result goes".to_string());
    }
    // SAFETY: by the caller.
    unsafe { to.write(value) };
    Ok(())
}
