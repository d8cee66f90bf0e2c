//! Programs held to an instruction set that they would go beyond.

use std::str::FromStr;

/// The widest set that a program may use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Instructions {
    Base,
    Avx2,
    Avx512,
}

impl FromStr for Instructions {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        match name {
            "base" => Ok(Self::Base),
            "avx2" => Ok(Self::Avx2),
            "avx512" => Ok(Self::Avx512),
            _ => Err(()),
        }
    }
}

impl Instructions {
    /// Candlelight's variable, and those of PyTorch's parts.
    ///
    /// MKL takes heed of its own on Intel's processors alone. On AMD's it has AVX2 at most, and `MKL_CBWR` brings it below.
    pub fn variables(self) -> Vec<(&'static str, &'static str)> {
        match self {
            Self::Base => vec![
                ("CANDLELIGHT_INSTRUCTIONS", "base"),
                ("ATEN_CPU_CAPABILITY", "default"),
                ("ONEDNN_MAX_CPU_ISA", "SSE41"),
                ("MKL_ENABLE_INSTRUCTIONS", "SSE4_2"),
                ("MKL_CBWR", "COMPATIBLE"),
            ],
            Self::Avx2 => vec![
                ("CANDLELIGHT_INSTRUCTIONS", "avx2"),
                ("ATEN_CPU_CAPABILITY", "avx2"),
                ("ONEDNN_MAX_CPU_ISA", "AVX2"),
                ("MKL_ENABLE_INSTRUCTIONS", "AVX2"),
            ],
            // PyTorch is left to what it finds: a name of AVX-512 alone would take away its newer parts.
            Self::Avx512 => vec![("CANDLELIGHT_INSTRUCTIONS", "avx512")],
        }
    }

    /// A sentence for the head of the report.
    pub fn note(self) -> String {
        let name = match self {
            Self::Base => "base",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        };
        format!("Held by `--instructions {name}`, except stock Candle, which has no setting.")
    }
}

#[cfg(test)]
mod tests {
    use super::Instructions;

    #[test]
    fn each_set_is_told_to_candlelight_and_a_lower_one_to_every_part_of_pytorch() {
        for (name, parts) in [("base", 5), ("avx2", 4), ("avx512", 1)] {
            let variables = name.parse::<Instructions>().expect("a set").variables();
            assert_eq!(variables[0], ("CANDLELIGHT_INSTRUCTIONS", name));
            assert_eq!(variables.len(), parts);
        }
        assert!("AVX2".parse::<Instructions>().is_err());
    }
}
