//! Numbers in slots.

/// A number that an instruction takes from a slot, and puts into one.
pub(crate) trait Value: Copy {
    /// Takes as many low bits as the type has.
    fn get(slot: u64) -> Self;
    fn put(self) -> u64;
}

macro_rules! integer {
    ($($signed:ty, $unsigned:ty;)*) => {$(
        impl Value for $unsigned {
            #[inline]
            fn get(slot: u64) -> Self {
                slot as Self
            }
            #[inline]
            fn put(self) -> u64 {
                u64::from(self)
            }
        }
        impl Value for $signed {
            #[inline]
            fn get(slot: u64) -> Self {
                slot as Self
            }
            #[inline]
            fn put(self) -> u64 {
                u64::from(self as $unsigned)
            }
        }
    )*};
}
integer! { i8, u8; i16, u16; i32, u32; i64, u64; }

impl Value for bool {
    #[inline]
    fn get(slot: u64) -> Self {
        slot & 1 != 0
    }
    #[inline]
    fn put(self) -> u64 {
        u64::from(self)
    }
}

/// A result that is not a number has the bits that a card gives it (PTX ISA, "Floating Point Instructions": 0x7fffffff).
impl Value for f32 {
    #[inline]
    fn get(slot: u64) -> Self {
        Self::from_bits(slot as u32)
    }
    #[inline]
    fn put(self) -> u64 {
        u64::from(if self.is_nan() { 0x7fff_ffff } else { self.to_bits() })
    }
}

impl Value for f64 {
    #[inline]
    fn get(slot: u64) -> Self {
        Self::from_bits(slot)
    }
    #[inline]
    fn put(self) -> u64 {
        self.to_bits()
    }
}

/// A number of 16 bits that is computed with as F32 and rounded to nearest, ties to even: what a card's own F16 and BF16 give for a sum or
/// a product, because an F32 has more than twice as many digits (Figueroa 1995).
macro_rules! half {
    ($name:ident, $text:literal, $from:expr, $to:expr) => {
        #[doc = $text]
        #[derive(Clone, Copy, Debug)]
        pub(crate) struct $name(pub(crate) f32);
        impl Value for $name {
            #[inline]
            fn get(slot: u64) -> Self {
                let from: fn(u16) -> f32 = $from;
                Self(from(slot as u16))
            }
            #[inline]
            fn put(self) -> u64 {
                let to: fn(f32) -> u16 = $to;
                u64::from(if self.0.is_nan() { 0x7fff } else { to(self.0) })
            }
        }
    };
}
half!(F16, "An F16.", from_f16, to_f16);
half!(BF16, "A BF16.", |bits| f32::from_bits(u32::from(bits) << 16), to_bf16);

fn from_f16(bits: u16) -> f32 {
    let (sign, exponent, fraction) = (u32::from(bits >> 15) << 31, u32::from(bits >> 10) & 31, u32::from(bits) & 0x3ff);
    match exponent {
        0 => f32::from_bits(sign | (fraction as f32 * 2f32.powi(-24)).to_bits()),
        31 => f32::from_bits(sign | 0x7f80_0000 | (fraction << 13)),
        _ => f32::from_bits(sign | ((exponent + 112) << 23) | (fraction << 13)),
    }
}

fn to_f16(value: f32) -> u16 {
    let sign = ((value.to_bits() >> 16) & 0x8000) as u16;
    let size = value.abs();
    if size >= 65520.0 {
        return sign | 0x7c00;
    }
    if size < 2f32.powi(-14) {
        // Adding 2^23 units of the last place leaves the number of units, rounded to even.
        let unit = 0.5f32;
        return sign | ((size + unit).to_bits() - unit.to_bits()) as u16;
    }
    let bits = size.to_bits();
    let rounded = bits + 0xfff + ((bits >> 13) & 1);
    sign | ((rounded >> 13) - (112 << 10)) as u16
}

fn to_bf16(value: f32) -> u16 {
    let bits = value.to_bits();
    ((bits + 0x7fff + ((bits >> 16) & 1)) >> 16) as u16
}
