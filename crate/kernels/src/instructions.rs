//! The instruction set that kernels use.

use std::fmt;
use std::sync::OnceLock;

use candlelight_base::{Error, Result};

/// What the fast passes are compiled for; the later, the wider its registers.
///
/// The widest that the processor has is used, and chosen once, at first use. `CANDLELIGHT_INSTRUCTIONS`, one of `base`,
/// `avx2` and `avx512`, sets a lower one: for comparisons, and for tests. AVX2 and AVX-512 give the same bits: no sum
/// depends on how many numbers a register holds. With [`Base`](Self::Base) every layer is in its composed form, whose sums
/// are in another order. On ARM only `base` lowers anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Instructions {
    /// No fast passes: every layer is made of Candle's operations.
    Base,
    /// NEON, which every 64-bit ARM processor has: registers of 128 bits.
    Neon,
    /// AVX2 and FMA, of x86-64 processors since about 2013: registers of 256 bits.
    Avx2,
    /// AVX-512 F, BW, CD, DQ and VL: registers of 512 bits.
    Avx512,
}

/// The environment variable.
const VARIABLE: &str = "CANDLELIGHT_INSTRUCTIONS";

impl Instructions {
    /// The set that the kernels of this process use.
    ///
    /// ```
    /// use candlelight::kernels::Instructions;
    ///
    /// println!("{}", Instructions::in_use());
    /// ```
    pub fn in_use() -> Self {
        static IN_USE: OnceLock<Instructions> = OnceLock::new();
        *IN_USE.get_or_init(|| Self::widest().min(Self::limit().unwrap_or(None).unwrap_or(Self::Avx512)))
    }

    /// The widest set that the processor has.
    fn widest() -> Self {
        #[cfg(target_arch = "x86_64")]
        return match () {
            () if pulp::x86::V4::is_available() => Self::Avx512,
            () if pulp::x86::V3::is_available() => Self::Avx2,
            () => Self::Base,
        };
        #[cfg(target_arch = "aarch64")]
        return Self::Neon;
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        Self::Base
    }

    /// The widest set that is allowed, if one is set.
    fn limit() -> Result<Option<Self>> {
        let Some(given) = std::env::var_os(VARIABLE).filter(|given| !given.is_empty()) else { return Ok(None) };
        match given.to_str() {
            Some("base") => Ok(Some(Self::Base)),
            Some("avx2") => Ok(Some(Self::Avx2)),
            Some("avx512") => Ok(Some(Self::Avx512)),
            _ => Err(Error::Instructions { given: given.to_string_lossy().into_owned() }),
        }
    }

    /// Looks at the environment variable.
    ///
    /// # Errors
    /// [`Error::Instructions`] if it holds something else than a set's name.
    pub fn check() -> Result<()> {
        Self::limit().map(|_| ())
    }
}

impl fmt::Display for Instructions {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Base => "base",
            Self::Neon => "NEON",
            Self::Avx2 => "AVX2",
            Self::Avx512 => "AVX-512",
        })
    }
}
