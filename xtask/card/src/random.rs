//! The functions of `libcurand.so.10`: random numbers from a seed.
//!
//! Number `n` of a generator is a function of its seed and of `n` (SplitMix64: Steele, Lea and Flood 2014), so they do not depend on how
//! many are drawn at once. They are not those of NVIDIA's generators.

use std::collections::HashMap;
use std::f64::consts::TAU;
use std::sync::{LazyLock, Mutex, PoisonError};

use crate::counts;
use crate::memory;

/// A `curandStatus_t`.
type Status = i32;
const SUCCESS: Status = 0;
const NOT_INITIALIZED: Status = 101;
const LENGTH_NOT_MULTIPLE: Status = 105;
const LAUNCH_FAILURE: Status = 201;

#[derive(Clone, Copy, Debug, Default)]
struct Generator {
    seed: u64,
    next: u64,
}

impl Generator {
    fn draw(&mut self) -> u64 {
        let mut z = self.next.wrapping_mul(0x9e37_79b9_7f4a_7c15)
            ^ self.seed.wrapping_mul(0xd6e8_feb8_6659_fd93).rotate_left(32);
        self.next += 1;
        z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// Above 0 and up to 1, as cuRAND's.
    fn uniform(&mut self) -> f64 {
        ((self.draw() >> 11) + 1) as f64 / (1u64 << 53) as f64
    }

    /// Two numbers of the standard normal distribution (Box and Muller 1958).
    fn normal(&mut self) -> (f64, f64) {
        let (size, angle) = ((-2.0 * self.uniform().ln()).sqrt(), TAU * self.uniform());
        (size * angle.cos(), size * angle.sin())
    }
}

static GENERATORS: LazyLock<Mutex<HashMap<usize, Generator>>> = LazyLock::new(Mutex::default);

fn with(generator: usize, change: impl FnOnce(&mut Generator) -> Status) -> Status {
    let mut generators = GENERATORS.lock().unwrap_or_else(PoisonError::into_inner);
    generators.get_mut(&generator).map_or(NOT_INITIALIZED, change)
}

/// Fills `count` numbers on the device.
fn fill<T>(
    generator: usize,
    name: &str,
    to: u64,
    count: usize,
    draw: impl FnMut(&mut Generator, usize) -> T,
) -> Status {
    let mut draw = draw;
    with(generator, |generator| {
        counts::launch(name);
        let live = memory::live();
        if !live.holds(to, count * size_of::<T>()) {
            eprintln!("card: {name}: {count} numbers at {to:#x}, where they are not allocated");
            return LAUNCH_FAILURE;
        }
        for at in 0..count {
            let value = draw(generator, at);
            // SAFETY: the numbers were just found to lie in an allocation, and `live` keeps it so.
            unsafe { (to as *mut T).add(at).write_unaligned(value) };
        }
        SUCCESS
    })
}

/// # Safety
///
/// `generator` points to room for a handle.
#[unsafe(no_mangle)]
unsafe extern "C" fn curandCreateGenerator(generator: *mut usize, _kind: i32) -> Status {
    let mut generators = GENERATORS.lock().unwrap_or_else(PoisonError::into_inner);
    let handle = generators.keys().max().map_or(16, |last| last + 16);
    generators.insert(handle, Generator::default());
    // SAFETY: by the caller.
    unsafe { generator.write(handle) };
    SUCCESS
}

#[unsafe(no_mangle)]
extern "C" fn curandDestroyGenerator(generator: usize) -> Status {
    let found = GENERATORS.lock().unwrap_or_else(PoisonError::into_inner).remove(&generator);
    if found.is_some() { SUCCESS } else { NOT_INITIALIZED }
}

#[unsafe(no_mangle)]
extern "C" fn curandSetPseudoRandomGeneratorSeed(generator: usize, seed: u64) -> Status {
    with(generator, |generator| {
        *generator = Generator { seed, next: 0 };
        SUCCESS
    })
}

#[unsafe(no_mangle)]
extern "C" fn curandSetGeneratorOffset(generator: usize, offset: u64) -> Status {
    with(generator, |generator| {
        generator.next = offset;
        SUCCESS
    })
}

#[unsafe(no_mangle)]
extern "C" fn curandSetStream(_generator: usize, _stream: usize) -> Status {
    SUCCESS
}

#[unsafe(no_mangle)]
extern "C" fn curandGenerate(generator: usize, to: u64, count: usize) -> Status {
    fill(generator, "curandGenerate", to, count, |generator, _| (generator.draw() >> 32) as u32)
}

#[unsafe(no_mangle)]
extern "C" fn curandGenerateUniform(generator: usize, to: u64, count: usize) -> Status {
    fill(generator, "curandGenerateUniform", to, count, |generator, _| generator.uniform() as f32)
}

#[unsafe(no_mangle)]
extern "C" fn curandGenerateUniformDouble(generator: usize, to: u64, count: usize) -> Status {
    fill(generator, "curandGenerateUniformDouble", to, count, |generator, _| generator.uniform())
}

/// Pairs of normal numbers, one after the other; cuRAND too takes even counts alone.
fn normals(count: usize, fill: impl FnOnce(&mut dyn FnMut(&mut Generator, usize) -> f64) -> Status) -> Status {
    if !count.is_multiple_of(2) {
        return LENGTH_NOT_MULTIPLE;
    }
    let mut second = 0.0;
    fill(&mut |generator, at| {
        if at % 2 == 1 {
            return second;
        }
        let (first, other) = generator.normal();
        second = other;
        first
    })
}

#[unsafe(no_mangle)]
extern "C" fn curandGenerateNormal(generator: usize, to: u64, count: usize, mean: f32, deviation: f32) -> Status {
    normals(count, |draw| {
        fill(generator, "curandGenerateNormal", to, count, |generator, at| {
            (f64::from(mean) + f64::from(deviation) * draw(generator, at)) as f32
        })
    })
}

#[unsafe(no_mangle)]
extern "C" fn curandGenerateNormalDouble(generator: usize, to: u64, count: usize, mean: f64, deviation: f64) -> Status {
    normals(count, |draw| {
        fill(generator, "curandGenerateNormalDouble", to, count, |generator, at| mean + deviation * draw(generator, at))
    })
}
